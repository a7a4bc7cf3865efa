package main

import (
	"errors"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kafkareceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/syslogreceiver"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/forwardconnector"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/zpagesextension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/nopreceiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"

	"github.com/openmxdr/openmxdr/collector-components/extensions/healthextension"
	"github.com/openmxdr/openmxdr/collector-components/processors/behaviorprocessor"
	"github.com/openmxdr/openmxdr/collector-components/processors/ecsnormalizeprocessor"
	"github.com/openmxdr/openmxdr/collector-components/processors/incidentprocessor"
	"github.com/openmxdr/openmxdr/collector-components/processors/sigmaprocessor"
	esingestexporter "github.com/openmxdr/openmxdr/es-ingest/exporter"
)

// components returns every component that the distribution carries.
func components() (otelcol.Factories, error) {
	var f otelcol.Factories
	var err [5]error
	f.Extensions, err[0] = otelcol.MakeFactoryMap[extension.Factory](
		filestorage.NewFactory(), zpagesextension.NewFactory(), healthextension.NewFactory(),
	)
	f.Receivers, err[1] = otelcol.MakeFactoryMap[receiver.Factory](
		otlpreceiver.NewFactory(), filelogreceiver.NewFactory(), syslogreceiver.NewFactory(),
		kafkareceiver.NewFactory(), nopreceiver.NewFactory(),
	)
	f.Processors, err[2] = otelcol.MakeFactoryMap[processor.Factory](
		batchprocessor.NewFactory(), memorylimiterprocessor.NewFactory(), transformprocessor.NewFactory(),
		ecsnormalizeprocessor.NewFactory(), sigmaprocessor.NewFactory(), behaviorprocessor.NewFactory(), incidentprocessor.NewFactory(),
	)
	f.Exporters, err[3] = otelcol.MakeFactoryMap[exporter.Factory](
		otlpexporter.NewFactory(), kafkaexporter.NewFactory(), debugexporter.NewFactory(), nopexporter.NewFactory(),
		esingestexporter.NewFactory(),
	)
	f.Telemetry = otelconftelemetry.NewFactory()
	f.Connectors, err[4] = otelcol.MakeFactoryMap[connector.Factory](forwardconnector.NewFactory())
	return f, errors.Join(err[:]...)
}
