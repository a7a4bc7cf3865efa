// Command generate writes every dashboard as JSON into the folders that it is
// given, one file a dashboard, named by its uid.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/openmxdr/openmxdr/dashboards"
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("usage: generate FOLDER…")
	}
	for _, d := range dashboards.All() {
		text, err := d.JSON()
		if err != nil {
			log.Fatal(err)
		}
		for _, folder := range flag.Args() {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, d.UID+".json"), text, 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
}
