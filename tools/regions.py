"""Writes internal/awsregions/regions.json: which regions lack a resource type that the constructs use.

    .local/judges/bin/python tools/regions.py [--check]

The data are the CloudFormation schemas in the pinned cfn-lint. With --check, an outdated file fails.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import cfnlint

ROOT = Path(__file__).parent.parent
FILE = ROOT / "internal/awsregions/regions.json"
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas"
# Types that the snapshots have not, because they are opt-in.
OPTIONAL = [
    "AWS::ApiGateway::Account", "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::UsagePlan", "AWS::ApiGateway::UsagePlanKey", "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
]


def main(check):
    types = set(OPTIONAL)
    for template in ROOT.glob("test/snapshot/testdata/*.json"):
        types |= {r["Type"] for r in json.loads(template.read_text())["Resources"].values()}
    regions = {}
    for file in SCHEMAS.glob("providers/*.json"):
        if file.stem != "sam":
            regions[file.stem] = set(json.loads(file.read_text()))
    # Regions without schemas of their own have those of us-east-1.
    known = {r: have for r, have in regions.items() if r == "us-east-1" or have != regions["us-east-1"]}
    missing = {t: sorted(r for r, have in known.items() if t not in have) for t in sorted(types)}
    date = json.loads((SCHEMAS / "version.json").read_text())["schema_date"][:10]
    text = json.dumps({
        "source": f"CloudFormation schemas of {date}, in cfn-lint {version('cfn-lint')}",
        "regions": sorted(known),
        "missing": missing,
    }, indent=1) + "\n"
    if check and FILE.read_text() != text:
        sys.exit(f"regions: {FILE.relative_to(ROOT)} is outdated: make regions")
    if not check:
        FILE.write_text(text)


main("--check" in sys.argv[1:])
