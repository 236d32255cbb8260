"""The process that makes the load; only what runs inside Locust imports gevent or Locust."""
