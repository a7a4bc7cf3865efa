import { AppPlugin } from '@grafana/data';

import { App } from './App';
import { AppConfig } from './config/AppConfig';
import type { AppSettings } from './config/settings';

export const plugin = new AppPlugin<AppSettings>()
  .setRootPage(App)
  .addConfigPage({ title: 'Configuration', icon: 'cog', body: AppConfig, id: 'configuration' });
