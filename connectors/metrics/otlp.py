"""Figures for an OpenTelemetry collector, by OTLP over HTTP: sent once, in a few seconds or not at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.measures import Measure

SECONDS = 5
_PATH = "/v1/metrics"


def send_otlp(address: str, measures: Iterable[Measure], target: str) -> str:
    """Send ``measures`` of ``target``; gives what went wrong in a few words, or nothing.

    Headers for a collector that wants some come from ``OTEL_EXPORTER_OTLP_HEADERS``.
    """
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False  # it would print whole answers; we say it in a sentence
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    from importlib.metadata import version

    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
    from opentelemetry.sdk.resources import Resource

    endpoint = address if address.rstrip("/").endswith(_PATH) else f"{address.rstrip('/')}{_PATH}"
    reader = InMemoryMetricReader()
    resource = Resource({"service.name": "trueup", "service.version": version("trueup")})
    provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    exporter = OTLPMetricExporter(endpoint=endpoint, timeout=SECONDS)
    try:
        meter = provider.get_meter("trueup")
        for one in measures:
            gauge = meter.create_gauge(one.name, description=one.words)
            for value, figure in one.values:
                gauge.set(figure, {"target": target, **({one.label: value} if one.label else {})})
        collected = reader.get_metrics_data()
        if collected is None:
            return ""
        taken = exporter.export(collected, timeout_millis=SECONDS * 1000)
    finally:
        exporter.shutdown()
        provider.shutdown()
    return "" if taken is MetricExportResult.SUCCESS else "the collector did not take it"
