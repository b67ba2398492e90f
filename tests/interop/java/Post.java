// Post CLIENT URL LEDGER [CA CERTIFICATE KEY]: as ../python/post.py.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import javax.net.ssl.SSLContext;

interface Client {
    void post(JsonNode events) throws Exception;
}

interface Maker {
    Client make(String url, SSLContext tls) throws Exception;
}

class Post {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, Maker> CLIENTS = Map.of("HttpClient", Native::withHttpClient, "opentelemetry-exporter-otlp", Otlp::withSdk,
        "cloudevents (Java)", CloudEvents::withSdk);

    public static void main(String[] words) throws Exception {
        Client client = CLIENTS.get(words[0]).make(words[1], Tls.context(Arrays.copyOfRange(words, 3, words.length)));
        for (String line : Files.readAllLines(Path.of(words[2]))) {
            JsonNode batch = JSON.readTree(line);
            try {
                client.post(batch.get("events"));
                System.out.println(batch.get("marker").asText() + " ok");
            } catch (Exception error) {
                System.out.println(batch.get("marker").asText() + " error " + error.toString().replace('\n', ' '));
            }
        }
        System.exit(0); // with the connections and threads that a client keeps
    }
}
