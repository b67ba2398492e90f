-- 002: the events. Columns are those of core/event_fields.def, in its order: a test compares names, types and comments.
-- Partitioned by day of time_received, because the server's clock is the only one that can be trusted and retention drops whole
-- days. The primary key leads with the time, so that rows are added at the right edge of its index.

CREATE TABLE vsoc.events (
    event_uid          uuid NOT NULL,
    schema_version     text NOT NULL,
    tenant_id          text NOT NULL,
    batch_uid          uuid NOT NULL,
    batch_index        int4 NOT NULL,
    dedup_key          bytea NOT NULL,
    source_event_id    text,
    vehicle_pid        bytea,
    vin_key_id         int2,
    wmi                text,
    model_code         text,
    model_year         int2,
    vehicle_type_id    text,
    sw_baseline        text,
    region             text,
    sensor_kind        text NOT NULL,
    ecu_id             text,
    ecu_sw_version     text,
    idsm_instance_id   int2,
    sensor_instance_id int2,
    sev_id             int4,
    sev_range          text,
    event_name         text NOT NULL,
    event_category     text NOT NULL,
    context_version    int2,
    context_modified   bool,
    context_raw        bytea,
    attributes         jsonb,
    count              int4 NOT NULL,
    count_saturated    bool,
    time_event_ns      int8,
    time_event_raw     bytea,
    time_source        text NOT NULL,
    time_quality       text NOT NULL,
    time_sent          timestamptz,
    time_received      timestamptz NOT NULL,
    time_ingested      timestamptz NOT NULL,
    clock_skew_ms      int8,
    replay             bool,
    vehicle_seq        int8,
    severity_id        int2 NOT NULL,
    severity_source    text,
    confidence         int2,
    disposition        text,
    bus_type           text,
    bus_id             text,
    can_id             int8,
    can_flags          int2,
    pdu_id             int4,
    data_id            int4,
    freshness          int8,
    src_ip             inet,
    dst_ip             inet,
    src_port           int4,
    dst_port           int4,
    vlan_id            int4,
    transport          text,
    someip_service     int4,
    someip_method      int4,
    uds_sid            int2,
    uds_sub            int2,
    uds_did            int4,
    uds_rid            int4,
    uds_nrc            int2,
    uds_client_sa      int4,
    is_moving          bool,
    speed_kmh          float4,
    power_state        text,
    geo_cell           text,
    rule_id            text,
    rule_version       text,
    signature_ref      text,
    r155_threat        text[],
    atm_technique      text[],
    cve                text[],
    cwe                text[],
    parser_name        text NOT NULL,
    parser_version     text NOT NULL,
    parse_status       text NOT NULL,
    parse_notes        jsonb,
    raw_offset         int8 NOT NULL,
    raw_size           int8 NOT NULL,
    raw_ref            text,
    sig_state          text,
    transport_identity text,
    chain_hash         bytea,
    retention_class    text,
    legal_hold         bool,
    legal_basis        text,
    triage_state       text,
    incident_ref       text,
    message            text,
    PRIMARY KEY (time_received, event_uid)
) PARTITION BY RANGE (time_received);

COMMENT ON COLUMN vsoc.events.event_uid IS 'server-assigned id, UUIDv7 of the receive time (OCSF metadata.uid)';
COMMENT ON COLUMN vsoc.events.schema_version IS 'version of this event model';
COMMENT ON COLUMN vsoc.events.tenant_id IS 'car maker or fleet operator, from the sender''s identity';
COMMENT ON COLUMN vsoc.events.batch_uid IS 'batch that carried the event: evidence link';
COMMENT ON COLUMN vsoc.events.batch_index IS '0-based place of the event in its batch';
COMMENT ON COLUMN vsoc.events.dedup_key IS 'hash of tenant, vehicle and source id (or content): equal for an event that was sent again';
COMMENT ON COLUMN vsoc.events.source_event_id IS 'id given by the vehicle (CloudEvents id)';
COMMENT ON COLUMN vsoc.events.vehicle_pid IS 'keyed pseudonym of the vehicle: HMAC-SHA-256(key, VIN)';
COMMENT ON COLUMN vsoc.events.vin_key_id IS 'version of the key that made vehicle_pid';
COMMENT ON COLUMN vsoc.events.wmi IS 'world manufacturer identifier, first three of the VIN (ISO 3780)';
COMMENT ON COLUMN vsoc.events.model_code IS 'vehicle model';
COMMENT ON COLUMN vsoc.events.model_year IS 'model year';
COMMENT ON COLUMN vsoc.events.vehicle_type_id IS 'type-approval reference (UN R155 7.4.1)';
COMMENT ON COLUMN vsoc.events.sw_baseline IS 'software configuration (ISO/SAE 21434 RQ-08-04; RXSWIN where used)';
COMMENT ON COLUMN vsoc.events.region IS 'coarse region (ISO 3166)';
COMMENT ON COLUMN vsoc.events.sensor_kind IS 'producer class: idsm, can_ids, net_ids, host_ids, diag, dlt, v2x, backend';
COMMENT ON COLUMN vsoc.events.ecu_id IS 'reporting component';
COMMENT ON COLUMN vsoc.events.ecu_sw_version IS 'software version of the reporting component';
COMMENT ON COLUMN vsoc.events.idsm_instance_id IS 'IdsM instance (AUTOSAR PRS IDS protocol, event frame)';
COMMENT ON COLUMN vsoc.events.sensor_instance_id IS 'sensor instance (AUTOSAR PRS IDS protocol, event frame)';
COMMENT ON COLUMN vsoc.events.sev_id IS 'event definition id (AUTOSAR)';
COMMENT ON COLUMN vsoc.events.sev_range IS 'range of sev_id: autosar, oem, invalid';
COMMENT ON COLUMN vsoc.events.event_name IS 'symbolic name, or unknown:0x….';
COMMENT ON COLUMN vsoc.events.event_category IS 'analyst grouping, see docs/formats.md';
COMMENT ON COLUMN vsoc.events.context_version IS 'context data version (AUTOSAR R24-11)';
COMMENT ON COLUMN vsoc.events.context_modified IS 'context data was changed by a callout (AUTOSAR R24-11)';
COMMENT ON COLUMN vsoc.events.context_raw IS 'context data as received';
COMMENT ON COLUMN vsoc.events.attributes IS 'decoded fields that have no column';
COMMENT ON COLUMN vsoc.events.count IS 'occurrences this event stands for; a lower bound (AUTOSAR, OCSF)';
COMMENT ON COLUMN vsoc.events.count_saturated IS 'the counter stood at its maximum';
COMMENT ON COLUMN vsoc.events.time_event_ns IS 'vehicle''s claim of the time, ns since 1970 UTC (OTLP)';
COMMENT ON COLUMN vsoc.events.time_event_raw IS 'timestamp as received: bytes or text';
COMMENT ON COLUMN vsoc.events.time_source IS 'autosar, oem, rtc, monotonic, inferred, none';
COMMENT ON COLUMN vsoc.events.time_quality IS 'synced, unsynced, inferred, invalid, unknown (RFC 5424 timeQuality)';
COMMENT ON COLUMN vsoc.events.time_sent IS 'creation of the batch at the vehicle';
COMMENT ON COLUMN vsoc.events.time_received IS 'server clock when the batch had arrived: ordering key';
COMMENT ON COLUMN vsoc.events.time_ingested IS 'server clock when the batch was made durable';
COMMENT ON COLUMN vsoc.events.clock_skew_ms IS 'received minus event time, ms';
COMMENT ON COLUMN vsoc.events.replay IS 'buffered offline and sent later';
COMMENT ON COLUMN vsoc.events.vehicle_seq IS 'sequence number of the producer, for gap detection';
COMMENT ON COLUMN vsoc.events.severity_id IS 'OCSF: 0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal, 99 other';
COMMENT ON COLUMN vsoc.events.severity_source IS 'severity as the source gave it';
COMMENT ON COLUMN vsoc.events.confidence IS 'confidence of the detector, percent (OCSF)';
COMMENT ON COLUMN vsoc.events.disposition IS 'detected, blocked, dropped, allowed, unknown (OCSF)';
COMMENT ON COLUMN vsoc.events.bus_type IS 'can, canfd, canxl, lin, flexray, eth, other';
COMMENT ON COLUMN vsoc.events.bus_id IS 'name of the bus';
COMMENT ON COLUMN vsoc.events.can_id IS 'CAN identifier, 11 or 29 bit';
COMMENT ON COLUMN vsoc.events.can_flags IS 'bits ext 1, rtr 2, err 4, fd 8, brs 16, esi 32 (SocketCAN)';
COMMENT ON COLUMN vsoc.events.pdu_id IS 'PDU id (AUTOSAR SecOC)';
COMMENT ON COLUMN vsoc.events.data_id IS 'data id (AUTOSAR SecOC)';
COMMENT ON COLUMN vsoc.events.freshness IS 'freshness value (AUTOSAR SecOC)';
COMMENT ON COLUMN vsoc.events.src_ip IS 'source address (ECS source.ip)';
COMMENT ON COLUMN vsoc.events.dst_ip IS 'destination address (ECS destination.ip)';
COMMENT ON COLUMN vsoc.events.src_port IS 'source port (ECS)';
COMMENT ON COLUMN vsoc.events.dst_port IS 'destination port (ECS)';
COMMENT ON COLUMN vsoc.events.vlan_id IS 'VLAN (ECS)';
COMMENT ON COLUMN vsoc.events.transport IS 'tcp, udp, icmp, … (ECS network.transport)';
COMMENT ON COLUMN vsoc.events.someip_service IS 'SOME/IP service id';
COMMENT ON COLUMN vsoc.events.someip_method IS 'SOME/IP method id';
COMMENT ON COLUMN vsoc.events.uds_sid IS 'UDS service id (ISO 14229)';
COMMENT ON COLUMN vsoc.events.uds_sub IS 'UDS subfunction';
COMMENT ON COLUMN vsoc.events.uds_did IS 'UDS data identifier';
COMMENT ON COLUMN vsoc.events.uds_rid IS 'UDS routine identifier';
COMMENT ON COLUMN vsoc.events.uds_nrc IS 'UDS negative response code';
COMMENT ON COLUMN vsoc.events.uds_client_sa IS 'diagnostic client''s source address';
COMMENT ON COLUMN vsoc.events.is_moving IS 'vehicle was moving (VSS Vehicle.IsMoving)';
COMMENT ON COLUMN vsoc.events.speed_kmh IS 'speed, km/h (VSS Vehicle.Speed)';
COMMENT ON COLUMN vsoc.events.power_state IS 'power state (VSS Vehicle.LowVoltageSystemState)';
COMMENT ON COLUMN vsoc.events.geo_cell IS 'geohash of at most 5 characters, about 5 km';
COMMENT ON COLUMN vsoc.events.rule_id IS 'detector or trigger (ISO/SAE 21434 RQ-08-02)';
COMMENT ON COLUMN vsoc.events.rule_version IS 'version of the detector';
COMMENT ON COLUMN vsoc.events.signature_ref IS 'gid:sid:rev (Suricata)';
COMMENT ON COLUMN vsoc.events.r155_threat IS 'UN R155 Annex 5 threat ids';
COMMENT ON COLUMN vsoc.events.atm_technique IS 'Auto-ISAC ATM technique ids';
COMMENT ON COLUMN vsoc.events.cve IS 'CVE ids';
COMMENT ON COLUMN vsoc.events.cwe IS 'CWE ids';
COMMENT ON COLUMN vsoc.events.parser_name IS 'parser that read the record';
COMMENT ON COLUMN vsoc.events.parser_version IS 'its version';
COMMENT ON COLUMN vsoc.events.parse_status IS 'ok, partial, failed';
COMMENT ON COLUMN vsoc.events.parse_notes IS 'warnings of the parser';
COMMENT ON COLUMN vsoc.events.raw_offset IS 'where the record starts in the inflated batch, bytes';
COMMENT ON COLUMN vsoc.events.raw_size IS 'bytes of the record';
COMMENT ON COLUMN vsoc.events.raw_ref IS 'where else the batch is kept';
COMMENT ON COLUMN vsoc.events.sig_state IS 'signature of the record: none, valid, invalid, unverifiable';
COMMENT ON COLUMN vsoc.events.transport_identity IS 'fingerprint of the sender''s certificate, or token:ID';
COMMENT ON COLUMN vsoc.events.chain_hash IS 'hash over the previous batch''s hash and this batch';
COMMENT ON COLUMN vsoc.events.retention_class IS 'retention class';
COMMENT ON COLUMN vsoc.events.legal_hold IS 'kept although retention is over';
COMMENT ON COLUMN vsoc.events.legal_basis IS 'consent, obligation or interest (UN R155 7.2.2.4 (b))';
COMMENT ON COLUMN vsoc.events.triage_state IS 'state of triage (ISO/SAE 21434 RQ-08-03)';
COMMENT ON COLUMN vsoc.events.incident_ref IS 'incident the event belongs to';
COMMENT ON COLUMN vsoc.events.message IS 'text for people';

COMMENT ON TABLE vsoc.events IS 'all security events, one row each; times in UTC; pseudonyms stand for vehicles';

CREATE INDEX events_vehicle ON vsoc.events (vehicle_pid, time_event_ns);
