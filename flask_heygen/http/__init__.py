"""HTTP calls to a vendor: one deadline, safe retries, pooled connections.

A call passes ``ApiClient.request`` (which retries what is safe), ``requests.Session.send`` and
``Adapter.send`` (requests' own, where test libraries and tracers step in), ``Pool.urlopen`` and
http.client. This writes to a ``Stream`` in the place of a socket, which keeps the deadline, and
which a ``Connector`` connects. urllib3's pools are not used: they cost twice the CPU, and their
time limits start again with each read.
"""
