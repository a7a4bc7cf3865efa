// Command gpx_openmxdr is the backend of the Grafana app openmxdr-app and of
// the data source openmxdr-datasource nested in it. Grafana starts it once for
// each of the two.
package main

import (
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"

	"github.com/openmxdr/openmxdr/grafana-plugin/pkg/plugin"
)

func main() {
	if err := plugin.Serve(); err != nil {
		log.DefaultLogger.Error("The plugin stopped", "error", err)
		panic(err) // Grafana reads the exit status and starts it again
	}
}
