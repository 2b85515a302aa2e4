"""setuptools, which finds its MANIFEST.in beside this file: the top level is kept small."""

from setuptools.build_meta import *  # noqa: F403  the hooks that a build front end calls
from setuptools.command.egg_info import manifest_maker

# setuptools has no setting for it (pypa/setuptools#3341).
manifest_maker.template = ".ci/MANIFEST.in"
