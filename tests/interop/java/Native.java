// Client of POST /v1/events: the JDK's java.net.http.
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;

class Native {
    static Client withHttpClient(String url, SSLContext tls) {
        // docs/clients.md: HttpClient
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(tls).build();

        return events -> {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            try (GZIPOutputStream gzip = new GZIPOutputStream(body)) {
                for (JsonNode event : events)
                    gzip.write((event + "\n").getBytes("UTF-8"));
            }
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/events"))
                .header("Content-Type", "application/x-ndjson").header("Content-Encoding", "gzip")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray())).build();
            HttpResponse<String> reply = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (reply.statusCode() != 200)
                throw new IOException(reply.statusCode() + ": " + reply.body());
        };
        // end
    }
}
