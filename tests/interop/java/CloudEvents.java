// CloudEvents' Java SDK, binary mode over HttpURLConnection. As Native.java has it.
import com.fasterxml.jackson.databind.JsonNode;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.http.HttpMessageFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;

class CloudEvents {
    static Client withSdk(String url, SSLContext tls) {
        SSLSocketFactory factory = tls.getSocketFactory(); // the same for all, or no connection is kept
        return events -> {
            for (JsonNode event : events)
                post(url, factory, event);
        };
    }

    // docs/clients.md: cloudevents (Java)
    static void post(String url, SSLSocketFactory tls, JsonNode event) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url + "/v1/events").openConnection();
        if (connection instanceof HttpsURLConnection)
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls);
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        CloudEvent message = CloudEventBuilder.v1().withId(event.get("id").asText()).withSource(URI.create("urn:gateway:GW-3"))
            .withType("vsoc.event").withData("application/json", event.toString().getBytes("UTF-8")).build();
        HttpMessageFactory.createWriter(connection::setRequestProperty, body -> {
            try {
                connection.getOutputStream().write(body);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }).writeBinary(message);
        if (connection.getResponseCode() != 200)
            throw new IOException("answer " + connection.getResponseCode());
        connection.getInputStream().readAllBytes();
    }
    // end
}
