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
"""

import multiprocessing
import os

worker_class = os.environ.get("WORKER_CLASS", "gthread")
workers = multiprocessing.cpu_count()
threads = 128
timeout = 30

if worker_class == "gevent":
    from gevent import monkey

    monkey.patch_all()
