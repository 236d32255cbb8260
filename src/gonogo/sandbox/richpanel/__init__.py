"""A support-ticket middleware over HTTP: webhook, queue, worker, policy, simulated vendor, and faults to switch on."""
