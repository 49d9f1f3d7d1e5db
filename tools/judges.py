"""Runs judges that nobody here wrote over CloudFormation templates: cfn-lint, checkov and parliament.

    .local/judges/bin/python tools/judges.py TEMPLATE...

A template in a folder with a region's name is judged by cfn-lint alone, for that region.
Everything they find fails, apart from what tools/accepted.txt accepts with a reason. What is accepted
and no longer found fails as well. It needs no network.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import parliament
from cfnlint.decode import decode

BIN = Path(sys.executable).parent
ACCEPTED = Path(__file__).with_name("accepted.txt")
REGIONS = ["us-east-1", "eu-central-1"]
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
# What a reference to a resource becomes, so that parliament can compare it with what an action
# takes: by the resource's type and the attribute, Ref being none.
ARNS = {
    "AWS::SQS::Queue Arn": "arn:aws:sqs:eu-central-1:123456789012:{}",
    "AWS::SNS::Topic": "arn:aws:sns:eu-central-1:123456789012:{}",
    "AWS::DynamoDB::GlobalTable Arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/{}",
    "AWS::DynamoDB::GlobalTable StreamArn":
        "arn:aws:dynamodb:eu-central-1:123456789012:table/{}/stream/2026-01-01",
    "AWS::KMS::Key Arn": "arn:aws:kms:eu-central-1:123456789012:key/{}",
    "AWS::Lambda::Function Arn": "arn:aws:lambda:eu-central-1:123456789012:function:{}",
    "AWS::Logs::LogGroup Arn": "arn:aws:logs:eu-central-1:123456789012:log-group:{}:*",
    "AWS::IAM::Role Arn": "arn:aws:iam::123456789012:role/{}",
    "AWS::IAM::OIDCProvider": "arn:aws:iam::123456789012:oidc-provider/{}",
}


def start(command, *args):
    """Starts a judge. Its findings are JSON on stdout."""
    return subprocess.Popen([BIN / command, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "LOG_LEVEL": "ERROR"})


def result(judge, process):
    """Waits for a judge. One that fails, or judged nothing, must not pass for one without findings."""
    stdout, stderr = process.communicate()
    try:
        return json.loads(stdout)
    except ValueError:
        sys.exit(f"judges: {judge} failed with status {process.returncode}: {stderr.decode().strip()}")


def cfn_lint(process, templates):
    for finding in result("cfn-lint", process):
        path = finding["Location"]["Path"] or []
        resource = path[1] if len(path) > 1 and path[0] == "Resources" else "template"
        kind = templates[finding["Filename"]]["Resources"].get(resource, {}).get("Type", "")
        yield finding["Rule"]["Id"], finding["Filename"], f"{kind}.{resource}", finding["Message"]


def checkov(process, count):
    report = result("checkov", process)
    if report["summary"]["parsing_errors"] or report["summary"]["passed"] < 10 * count:
        sys.exit(f"judges: checkov did not read all templates: {report['summary']}")
    for finding in report["results"]["failed_checks"]:
        file = finding["file_path"].lstrip("/")
        yield finding["check_id"], file, finding["resource"], finding["check_name"]


def iam(templates):
    """parliament over every policy: unknown actions and conditions, resources that an action does not take."""
    count = 0
    for file, template in templates.items():
        for name, resource in template["Resources"].items():
            where = f"{resource['Type']}.{name}"
            for policy in policies(resource.get("Properties", {})):
                count += 1
                text = json.dumps(resolve(template, policy))
                for finding in parliament.analyze_policy_string(text).findings:
                    details = finding.detail if isinstance(finding.detail, list) else [finding.detail]
                    for d in details:
                        action = d.get("action", "") if isinstance(d, dict) else ""
                        yield f"{finding.issue}:{action}".rstrip(":"), file, where, f"{d} in {text}"
    if count < 10:
        sys.exit(f"judges: parliament saw {count} policies only")


def policies(value):
    """All policies with resources. A trust policy has none, and parliament does not know those."""
    if isinstance(value, dict):
        if "Statement" in value:
            if all("Resource" in s or "NotResource" in s for s in value["Statement"]):
                yield value
        else:
            for v in value.values():
                yield from policies(v)
    elif isinstance(value, list):
        for v in value:
            yield from policies(v)


def resolve(template, value):
    """A value as it may be after a deployment."""
    if isinstance(value, list):
        return [resolve(template, v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, argument), = value.items()
        if function == "Ref":
            return reference(template, argument)
        if function == "Fn::GetAtt":
            name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return reference(template, name, attribute)
        if function == "Fn::Join":
            return argument[0].join(resolve(template, argument[1]))
        if function == "Fn::Sub" and isinstance(argument, str):
            return re.sub(r"\$\{([\w:]+)\}", lambda m: reference(template, m[1]), argument)
        if function == "Fn::If":
            return resolve(template, argument[1])
        if function.startswith("Fn::"):
            sys.exit(f"judges: {function} in a policy: not known here")
    return {k: resolve(template, v) for k, v in value.items()}


def reference(template, name, attribute=""):
    if name in PSEUDO:
        return PSEUDO[name]
    if name in template.get("Parameters", {}):
        return template["Parameters"][name].get("Default") or name
    key = f"{template['Resources'][name]['Type']} {attribute}".strip()
    if key not in ARNS:
        sys.exit(f"judges: {key}: not known here, add it to ARNS")
    return ARNS[key].format(name)


def accepted():
    """The rows of accepted.txt: judge, id, and a pattern of TYPE.LOGICALID; then the reason."""
    for line in ACCEPTED.read_text().splitlines():
        if line and not line.startswith("#"):
            fields = line.split(None, 3)
            if len(fields) < 4:
                sys.exit(f"{ACCEPTED}: no reason: {line}")
            yield tuple(fields[:3])


def region(file):
    """The region of a template, or None: its folder's name."""
    folder = Path(file).parent.name
    return folder if re.fullmatch(r"[a-z]+(-[a-z]+)+-\d", folder) else None


def main(every):
    templates, by_region = {}, {}
    for file in every:
        template, errors = decode(file)
        if errors:
            sys.exit(f"judges: {file}: {errors}")
        templates[file] = template
        by_region.setdefault(region(file), []).append(file)
    files = by_region[None]
    lints = [start("cfn-lint", "--format=json", "--regions", *([r] if r else REGIONS), "--", *some)
             for r, some in by_region.items()]
    check = start("checkov", "--framework=cloudformation", "--skip-download", "--quiet", "--compact",
                  "--output=json", "--file", *files)
    found = [("parliament", *f) for f in iam({f: templates[f] for f in files})]
    found += [("cfn-lint", *f) for lint in lints for f in cfn_lint(lint, templates)]
    found += [("checkov", *f) for f in checkov(check, len(files))]

    rows = list(accepted())
    used, wrong = set(), []
    for judge, check_id, file, resource, text in found:
        row = next((r for r in rows if r[:2] == (judge, check_id) and fnmatch.fnmatchcase(resource, r[2])), None)
        if row:
            used.add(row)
        else:
            wrong.append(f"{file}: {resource}: {judge} {check_id}: {text}")
    wrong += [f"{ACCEPTED.name}: no longer found, remove it: {' '.join(r)}" for r in rows if r not in used]
    print("\n".join(wrong) or f"{len(every)} templates: nothing found but {len(rows)} accepted kinds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
