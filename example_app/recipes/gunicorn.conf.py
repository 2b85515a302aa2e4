"""gunicorn: one worker for each core, with threads or with greenlets.

Run it with one of::

    gunicorn --config gunicorn.conf.py 'shop:create_app()'
    WORKER_CLASS=gevent gunicorn --config gunicorn.conf.py 'shop:create_app()'

A request waits for the vendor most of its time, so that what counts is how many may wait at once:
as many as there are threads, or 1,000 greenlets with gevent. A sync worker, gunicorn's default,
handles one task at a time: six a second where the vendor takes 150 ms for each.

Any number of processes and machines serve the same session. ``timeout`` has to be 10 seconds above
``HEYGEN_TIMEOUT``, which is 20 by default. ``--preload`` works with both worker classes; with
gevent, ``ssl`` has to be patched before the app imports it, which the last lines do.

On Linux, ``PIN_WORKERS=1`` keeps each worker on one core. On several, its threads hand Python's
interpreter lock to and fro: on one, a saturated worker serves a third to a half more tasks
(tests/README.md). Leave it out where the app computes in native threads or in programs that it
starts, and where other programs share the cores, such as another gunicorn or container.
"""

import os

worker_class = os.environ.get("WORKER_CLASS", "gthread")
workers = os.cpu_count()
threads = 128
timeout = 30

if os.environ.get("PIN_WORKERS") == "1":
    cores = sorted(os.sched_getaffinity(0))
    workers = len(cores)

    def pre_fork(server, worker):
        """Choose the core with the fewest workers, without those that a reload will stop."""
        newest = sorted(server.WORKERS.values(), key=lambda each: -each.age)
        taken = [getattr(each, "core", None) for each in newest[: server.num_workers - 1]]
        worker.core = min(cores, key=taken.count)

    def post_fork(_server, worker):
        """Pin the new process."""
        os.sched_setaffinity(0, {worker.core})


if worker_class == "gevent":
    from gevent import monkey

    monkey.patch_all()
