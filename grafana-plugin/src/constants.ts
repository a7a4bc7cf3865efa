/** PLUGIN_ID is the app's id; the nested data source has its own. */
export const PLUGIN_ID = 'openmxdr-app';

/** APP_ROOT is where Grafana mounts the app, without Grafana's own sub-path. */
export const APP_ROOT = `/a/${PLUGIN_ID}`;

/** RESOURCE_ROOT is where the app's backend answers, without Grafana's own sub-path. */
export const RESOURCE_ROOT = `api/plugins/${PLUGIN_ID}/resources`;
