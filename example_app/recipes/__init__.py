"""Recipes: one small app, or one server's configuration, for each neighbour of the blueprint.

Each file stands alone, and each app runs::

    flask --app example_app.recipes.login run

The apps read their settings from the environment: ``FLASK_HEYGEN_API_KEY``, ``FLASK_SECRET_KEY``
and so on. Where a recipe reads ``session["user_id"]``, the login of your app has set it. To try one
without such a login, against the simulator, sign in at ``/login?user=ada`` of::

    python -m flask_heygen.simulator --port 8081
    export FLASK_HEYGEN_BASE_URL=http://127.0.0.1:8081 FLASK_HEYGEN_API_KEY=any FLASK_SECRET_KEY=any
    flask --app 'tests.servers.shop:create_app("csrf_token")' run --debug
"""
