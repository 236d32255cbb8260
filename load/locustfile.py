"""What Locust runs for `gonogo load`: one dispatcher a worker, fed by the cases of the packs through an order.

By itself: `locust -f load/locustfile.py --worker --master-host HOST` joins the master of a
`gonogo load --master`.
"""

from shapes import OneDispatcherPerWorker

from gonogo.loadtest.generator.entry import ArrivalUser

__all__ = ["ArrivalUser", "OneDispatcherPerWorker"]
