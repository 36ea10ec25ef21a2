-- Trace context of the event (W3C Trace Context), so that a delivery sent later belongs to the same trace. The outbox of the
-- PostgreSQL migration of the same number does not exist here.
ALTER TABLE deliveries ADD COLUMN trace_context TEXT;
