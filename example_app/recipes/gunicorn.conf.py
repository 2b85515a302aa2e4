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

On Linux, ``PIN_WORKERS=1`` keeps each worker on a core of its own, between two of which its threads
would hand the interpreter to and fro: a worker with threads serves up to half as many tasks again.
Leave it out where other programs share the cores, or where the app computes in native threads.
"""

import os

worker_class = os.environ.get("WORKER_CLASS", "gthread")
workers = os.cpu_count()
threads = 128
timeout = 30


if os.environ.get("PIN_WORKERS") == "1":
    cores = os.sched_getaffinity(0)

    def pre_fork(server, worker):
        """Choose a core without a worker; while a reload replaces all of them, one of each."""
        taken = {getattr(each, "core", None) for each in server.WORKERS.values()}
        worker.core = min(cores - taken or {sorted(cores)[worker.age % len(cores)]})

    def post_fork(_server, worker):
        """Pin the new process."""
        os.sched_setaffinity(0, {worker.core})


if worker_class == "gevent":
    from gevent import monkey

    monkey.patch_all()
