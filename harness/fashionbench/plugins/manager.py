"""Find plugins, load each on its own, and keep what they register.

A plugin that cannot be imported, or that was made for another API, is reported and left out; the rest goes on. A
manager is made for each run and never kept in a module, so that runs, tests and notebooks do not see each other's
plugins.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from dataclasses import replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pluggy

from fashionbench.canonical import normalise
from fashionbench.errors import FashionBenchError, PluginError, UnknownNameError, as_error, text_of
from fashionbench.interrupts import watched
from fashionbench.plugins import hookspecs
from fashionbench.plugins.built_in_executors import BuiltInExecutors
from fashionbench.plugins.foreign_code import state_kept, time_limit
from fashionbench.plugins.origin import BLOCK_VARIABLE, GROUP, Origin, PluginReport
from fashionbench.plugins.python_backends import PythonBackend
from fashionbench.plugins.python_files import PythonFiles
from fashionbench.plugins.registry import Registry
from fashionbench.specs import (
    BackendSpec,
    BoardSpec,
    DatasetSpec,
    ExecutorSpec,
    ExporterSpec,
    MetricSpec,
    ReferenceSpec,
    ReporterSpec,
    SiteSpec,
    StudySpec,
    TaskSpec,
    TrainerSpec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

A = TypeVar("A")
#: Objects that a hook may give.
_MOST = 100_000


class Plugins:
    """The plugins of one run.

    :param strict: raise on the first plugin that fails instead of reporting it.
    :param points: entry points to load; by default those of the group :data:`GROUP` that are installed.
    :raises PluginError: with ``strict``. Where two plugins claim one name, the first, and ours before others, has it.
    """

    def __init__(self, *, strict: bool = False, points: Iterable[EntryPoint] | None = None) -> None:
        self.strict = strict
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        for spec in (hookspecs.Providers, hookspecs.Resolvers, hookspecs.Events):
            self.manager.add_hookspecs(spec)
        self.reports: list[PluginReport] = []
        #: Takes a line about a plugin that failed during a run; a run gives it to its reporter.
        self.warn: Callable[[str], object] = lambda text: sys.stderr.write(f"{text}\n")
        self._origins: dict[str, Origin] = {}
        self._collected = False
        self.register(PythonFiles(), Origin("python-files", GROUP, version(GROUP)))
        self.register(BuiltInExecutors(), Origin("executors", GROUP, version(GROUP)))
        blocked = {name for name in os.environ.get(BLOCK_VARIABLE, "").split(",") if name}
        found = _with_origins(entry_points(group=GROUP) if points is None else points)
        with watched():
            for origin, point in sorted(found, key=lambda pair: (pair[0].distribution != GROUP, pair[0].name)):
                self._load(origin, point, blocked)
        self.datasets: Registry[DatasetSpec] = Registry("dataset", DatasetSpec)
        self.tasks: Registry[TaskSpec] = Registry("task", TaskSpec)
        self.metrics: Registry[MetricSpec] = Registry("metric", MetricSpec)
        self.backends: Registry[BackendSpec] = Registry("backend", BackendSpec)
        self.trainers: Registry[TrainerSpec] = Registry("trainer", TrainerSpec)
        self.studies: Registry[StudySpec] = Registry("study", StudySpec)
        self.boards: Registry[BoardSpec] = Registry("board", BoardSpec)
        self.reporters: Registry[ReporterSpec] = Registry("reporter", ReporterSpec)
        self.exporters: Registry[ExporterSpec] = Registry("exporter", ExporterSpec)
        self.sites: Registry[SiteSpec] = Registry("site", SiteSpec)
        self.executors: Registry[ExecutorSpec] = Registry("executor", ExecutorSpec)
        self._registries: tuple[tuple[Registry[Any], str], ...] = (
            (self.datasets, "register_datasets"),
            (self.tasks, "register_tasks"),
            (self.metrics, "register_metrics"),
            (self.backends, "register_backends"),
            (self.trainers, "register_trainers"),
            (self.studies, "register_studies"),
            (self.boards, "register_boards"),
            (self.reporters, "register_reporters"),
            (self.exporters, "register_exporters"),
            (self.sites, "register_sites"),
            (self.executors, "register_executors"),
        )
        with watched():
            for registry, hook in self._registries:
                self._collect(registry, hook)
        self._collected = True

    @cached_property
    def references(self) -> Registry[ReferenceSpec]:
        """Published numbers. They are read when first asked for: a thousand values would slow every other command."""
        before = self.failures
        found: Registry[ReferenceSpec] = Registry("reference", ReferenceSpec)
        with watched():
            self._collect(found, "register_references")
        for report in self.failures:
            if report not in before:
                self.warn(f"warning: plugin {report.origin.name} ({report.origin}) failed: {report.error}")
        return found

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks, to call with keywords."""
        return self.manager.hook

    @property
    def origins(self) -> list[Origin]:
        """The plugins that were loaded."""
        return [report.origin for report in self.reports if not report.error]

    @property
    def failures(self) -> list[PluginReport]:
        """The plugins that could not be loaded."""
        return [report for report in self.reports if report.error]

    def provenance(self) -> dict[str, Any]:
        """Ask each plugin for facts about this process, and keep them under the plugin's name."""
        facts: dict[str, Any] = {}
        for implementation in self.manager.hook.collect_provenance.get_hookimpls():
            name = implementation.plugin_name
            try:
                with self._bounds("collect_provenance", name):
                    facts[name] = normalise(implementation.function())
            except BaseException as raised:  # a record is worth more than what a plugin would have added to it
                self._complain("collect_provenance", name, raised)
                facts[name] = {"error": f"{type(raised).__name__}: {text_of(raised)}"}
        return facts

    def notify(self, hook: str, event: object) -> None:
        """Tell each observer of an event; one that raises is named in a warning and stops nothing."""
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            name = implementation.plugin_name
            try:
                with self._bounds(hook, name):
                    implementation.function(*([event] if implementation.argnames else []))
            except BaseException as error:
                self._complain(hook, name, error)

    def ask(self, hook: str, kind: type[A], **arguments: object) -> list[A]:
        """Collect what each plugin returns from a hook that gives an iterable of one kind of object.

        A plugin that raises, or returns something else, is named in a warning, and the others are heard.
        """
        answers: list[A] = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                with self._bounds(hook, implementation.plugin_name):
                    answer = implementation.function(*(arguments[name] for name in implementation.argnames))
                    given = _listed(() if answer is None else answer)
                stray = [one for one in given if not isinstance(one, kind)]
                if stray:
                    raise TypeError(f"it returned {type(stray[0]).__name__} instead of {kind.__name__}")  # noqa: TRY301
                answers += given
            except BaseException as error:
                self._complain(hook, implementation.plugin_name, error)
        return answers

    def first(self, hook: str, fits: Callable[[Any], bool], **arguments: object) -> Any:
        """Return the first answer of a resolving hook that is one; None where no plugin has one.

        A plugin that raises what it should not, or returns something else, is named in a warning, and the next asked.

        :raises FashionBenchError: where a plugin says that it cannot be done.
        """
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            name = implementation.plugin_name
            try:
                with self._state_kept(hook, name):
                    given = implementation.function(*(arguments[one] for one in implementation.argnames))
                if given is not None and not fits(given):
                    raise TypeError(f"it returned {type(given).__name__}")  # noqa: TRY301
            except FashionBenchError:
                raise
            except BaseException as error:
                self._complain(hook, name, error)
                continue
            if given is not None:
                return given
        return None

    @contextlib.contextmanager
    def _bounds(self, hook: str, plugin: str) -> Iterator[None]:
        """Keep global state and time of a call of a plugin; ours are trusted as the rest of us is."""
        origin = self._origins.get(plugin)
        if origin is not None and origin.distribution == GROUP:
            yield
            return
        with self._state_kept(hook, plugin), time_limit(origin.name if origin else plugin):
            yield

    def _state_kept(self, hook: str, plugin: str) -> contextlib.AbstractContextManager[None]:
        said = f"warning: {hook} of plugin {plugin} ({self._origins.get(plugin, plugin)}) changed"
        return state_kept(lambda changed: self.warn(f"{said} {changed}, which was put back"))

    def _complain(self, hook: str, plugin: str, error: BaseException) -> None:
        as_error(error)  # Ctrl-C is nobody's failure
        origin = self._origins.get(plugin, plugin)
        self.warn(f"warning: {hook} of plugin {plugin} ({origin}) failed: {type(error).__name__}: {text_of(error)}")

    def register(self, plugin: object, origin: Origin | None = None) -> None:
        """Add a plugin object, check that every hook it implements exists, and take what it registers.

        :param origin: where it comes from; by default this process.
        :raises PluginError: on an unknown hook or a wrong signature, or where a name is taken.
        """
        origin = origin or Origin(getattr(plugin, "__name__", type(plugin).__name__), "this process", "0")
        try:
            self.manager.register(plugin, name=origin.key)
            self.manager.check_pending()
        except (pluggy.PluginValidationError, ValueError, TypeError, AttributeError) as error:
            if self.manager.has_plugin(origin.key):
                self.manager.unregister(name=origin.key)
            raise PluginError(f"plugin {origin.name!r} of {origin}: {error}") from error
        self._origins[origin.key] = origin
        if self._collected:
            for registry, hook in self._registries:
                self._collect(registry, hook, only=origin)

    def add_backend(self, backend: object) -> BackendSpec:
        """Take a class or an object as a backend for as long as this process runs.

        :raises PluginError: where it has no method of a capability, or its name is taken.
        """
        described = PythonBackend(backend)
        spec, origin = described.spec, described.origin
        if self.manager.has_plugin(origin.key):  # a notebook's cell that was run again: the newer one counts
            self.manager.unregister(name=origin.key)
            self.backends.put(spec, origin)
            self.manager.register(described, name=origin.key)
        else:
            self.register(described, origin)
        return spec

    def describe_backend(self, address: str, options: Mapping[str, Any]) -> BackendSpec:
        """Return the backend of an address with a colon, such as ``hf:FOLDER`` or ``file.py:Class``.

        :raises UnknownNameError: where no plugin knows addresses of this form.
        :raises FashionBenchError: where a plugin knows the form, and there is no such model.
        """
        given = {"address": address, "options": options}
        for implementation in reversed(self.manager.hook.describe_backend.get_hookimpls()):
            try:
                with self._bounds("describe_backend", implementation.plugin_name):
                    spec = implementation.function(*(given[name] for name in implementation.argnames))
            except FashionBenchError:
                raise
            except BaseException as error:
                self._complain("describe_backend", implementation.plugin_name, error)
                continue
            if isinstance(spec, BackendSpec):
                self.backends.put(spec, Origin(address.partition(":")[0], "this process", "0"))
                return spec
        raise UnknownNameError("backend", address, self.backends.names())

    def _load(self, origin: Origin, point: EntryPoint, blocked: set[str]) -> None:
        ours = origin.distribution == GROUP
        if {origin.name, origin.distribution} & blocked or ("external" in blocked and not ours):
            return
        begun = time.perf_counter()
        changed: list[str] = []
        try:
            # Ours import what is heavy when it is used, and are trusted as the rest of us is.
            with contextlib.ExitStack() as bounds:
                if not ours:
                    bounds.enter_context(state_kept(changed.append))
                    bounds.enter_context(time_limit(origin.name))
                plugin = point.load()
            seconds = time.perf_counter() - begun
            _check_api(plugin, origin)
            self.register(plugin, origin)
        except BaseException as error:  # whatever a stranger's module raises must not stop the others
            as_error(error)
            if self.strict:
                msg = f"plugin {origin.name!r} of {origin} failed: {text_of(error)}"
                raise PluginError(msg, remedy="mend it, uninstall it, or run without --strict-plugins") from error
            report = PluginReport(
                origin, error=f"{type(error).__name__}: {text_of(error)}", traceback=traceback.format_exc()
            )
            self.reports.append(report)
            return
        callers = self.manager.get_hookcallers(plugin) or []
        hooks = tuple(sorted(caller.name for caller in callers))
        self.reports.append(PluginReport(origin, hooks, seconds=seconds))
        for what in changed:
            self.warn(f"warning: the import of plugin {origin.name} ({origin}) changed {what}, which was put back")

    def _collect(self, registry: Registry[Any], hook: str, only: Origin | None = None) -> None:
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        # One at a time, not through the hook: a provider that raises must not hide the others' specifications.
        for implementation in sorted(
            caller.get_hookimpls(), key=lambda impl: not impl.plugin_name.startswith(f"{GROUP}:")
        ):
            origin = self._origins[implementation.plugin_name]
            if only is not None and origin != only:
                continue
            specs: list[Any] = []
            try:
                with self._bounds(hook, implementation.plugin_name) if only is None else contextlib.nullcontext():
                    specs = _listed(implementation.function())
            except BaseException as error:
                as_error(error)
                if self.strict or only is not None:
                    raise PluginError(f"{hook} of {origin} failed: {text_of(error)}") from error
                self._note(origin, f"{hook}: {type(error).__name__}: {text_of(error)}")
                continue
            for spec in specs:
                try:
                    registry.add(spec, origin)
                except PluginError as error:
                    if self.strict or only is not None:
                        raise
                    self._note(origin, f"{hook}: {error}")

    def _note(self, origin: Origin, error: str) -> None:
        at = next(i for i, report in enumerate(self.reports) if report.origin == origin)
        before = self.reports[at]
        whole = f"{before.error}; {error}" if before.error else error
        self.reports[at] = replace(before, error=whole, traceback=before.traceback + traceback.format_exc())


def _with_origins(points: Iterable[EntryPoint]) -> Iterator[tuple[Origin, EntryPoint]]:
    """Yield each entry point with its origin; a distribution parses its metadata anew each time that one asks."""
    known: dict[int, tuple[str, str]] = {}
    for point in points:
        name, version = "unknown", "0"
        if point.dist is not None:
            if id(point.dist) not in known:
                known[id(point.dist)] = point.dist.name, point.dist.version
            name, version = known[id(point.dist)]
        yield Origin(point.name, name, version), point


def _listed(given: object) -> list[Any]:
    """Return what a hook gave, one after the other, so that a time limit ends also what has no end.

    :raises PluginError: where there is no end in sight, before memory runs out.
    """
    found: list[Any] = []
    for one in cast("Iterable[Any]", given):
        found.append(one)
        if len(found) > _MOST:
            raise PluginError(f"it gave more than {_MOST:,} objects", remedy="return a list that ends")
    return found


def _check_api(plugin: object, origin: Origin) -> None:
    declared = getattr(plugin, "FASHIONBENCH_API", None)
    if not (isinstance(declared, tuple) and len(declared) == 2 and all(isinstance(part, int) for part in declared)):
        msg = f"{origin} declares no FASHIONBENCH_API"
        raise PluginError(msg, remedy=f"add FASHIONBENCH_API = {hookspecs.API} to the plugin module")
    major, minor = declared
    if major != hookspecs.API[0] or minor > hookspecs.API[1]:
        wanted = f"{hookspecs.API[0]}.{hookspecs.API[1]}"
        msg = f"{origin} was made for plugin API {major}.{minor}; this is {wanted}"
        raise PluginError(msg, remedy="install a version of the plugin, or of fashionbench, that fits")
