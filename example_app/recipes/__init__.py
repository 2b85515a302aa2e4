"""Recipes: one small app, or one server's configuration, for each neighbour of the blueprint.

Each file stands alone, and each app runs::

    flask --app example_app.recipes.login run

The apps read their settings from the environment: ``FLASK_HEYGEN_API_KEY``, ``FLASK_SECRET_KEY``
and so on. Where a recipe reads ``session["user_id"]``, the login of your app has set it.
"""
