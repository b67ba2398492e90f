"""CloudEvents' Python SDK, structured mode. As native.py has it."""


def with_sdk(url, ca, certificate, key):
    # docs/clients.md: cloudevents (Python)
    import requests
    from cloudevents.core.bindings.http import to_structured_event
    from cloudevents.core.v1.event import CloudEvent

    session = requests.Session()

    def post(event):
        attributes = {"id": event["id"], "source": "urn:gateway:GW-3", "type": "vsoc.event", "datacontenttype": "application/json"}
        message = to_structured_event(CloudEvent(attributes, event))
        reply = session.post(url + "/v1/events", data=message.body, headers=message.headers, timeout=60, verify=ca, cert=(certificate, key))
        reply.raise_for_status()

    # end
    return lambda events: [post(event) for event in events]


CLIENTS = {"cloudevents (Python)": with_sdk}
