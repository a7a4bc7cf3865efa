// Package content is what the product ships: mappings, detections,
// baselines, incident weights, playbooks and authority policies, each kind in
// a folder of its own and in an embedded file system of its own.
package content
