import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.PathNotFoundException;
import java.io.StringWriter;
import java.util.HashMap;
import java.util.Map;
import net.minidev.json.JSONArray;
import net.minidev.json.JSONObject;
import net.minidev.json.parser.JSONParser;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;

/** Renders templates as API Gateway does: a JSON array of cases on stdin, of results on stdout. */
public class Render {
    /** $input. It reads a body that is no JSON as null, or fails: AWS does not document which. */
    public static class Input {
        private final String body;
        private final boolean strict;
        private final Map<String, Object> headers;

        Input(String body, boolean strict, Map<String, Object> headers) {
            this.body = body;
            this.strict = strict;
            this.headers = headers;
        }

        public Object path(String path) {
            Object json;
            try {
                json = new JSONParser(JSONParser.MODE_RFC4627).parse(body);
            } catch (Exception e) {
                if (strict) {
                    throw new IllegalStateException("the body is no JSON");
                }
                return null;
            }
            try {
                return JsonPath.read(json, path);
            } catch (PathNotFoundException e) {
                return null;
            }
        }

        public Object params(String name) {
            return headers.getOrDefault(name, "");
        }
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        // Velocity 2 needs to be told that $a.b-c is a name, as it is in AWS's own examples.
        engine.setProperty("parser.allow_hyphen_in_identifiers", "true");
        engine.setProperty("runtime.log.logsystem.class",
                "org.apache.velocity.runtime.log.NullLogChute");
        engine.init();
        JSONArray results = new JSONArray();
        for (Object o : (JSONArray) new JSONParser(JSONParser.MODE_RFC4627).parse(System.in)) {
            JSONObject c = (JSONObject) o;
            Map<String, Object> override = new HashMap<>();
            Map<String, Object> header = new HashMap<>();
            override.put("header", header);
            VelocityContext context = new VelocityContext();
            context.put("context", new HashMap<>(Map.of("responseOverride", override)));
            context.put("input", new Input((String) c.get("body"), (Boolean) c.get("strict"),
                    (Map<String, Object>) c.get("headers")));
            StringWriter out = new StringWriter();
            JSONObject result = new JSONObject();
            try {
                engine.evaluate(context, out, "template", (String) c.get("template"));
                result.put("text", out.toString());
                result.put("status", override.get("status"));
                result.put("headers", header);
            } catch (Exception e) {
                result.put("error", String.valueOf(e.getMessage()));
            }
            results.add(result);
        }
        System.out.println(results.toJSONString());
    }
}
