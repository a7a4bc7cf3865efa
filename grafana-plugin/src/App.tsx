import type { AppRootProps } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { useLocation } from 'react-router-dom';

import { AuthorityPage } from './authority/AuthorityPage';
import { IncidentPage } from './incident/IncidentPage';
import { IncidentsPage } from './incidents/IncidentsPage';
import { AppLink } from './ui/AppLink';
import { Notice } from './ui/PageState';
import { incidentsAddress, routeOf } from './url/routes';

/** App is what Grafana shows below /a/openmxdr-app. */
export function App(_props: AppRootProps) {
  const { pathname } = useLocation();
  const route = routeOf(pathname);
  switch (route.page) {
    case 'incidents':
      return <IncidentsPage />;
    case 'incident':
      return <IncidentPage key={route.id} id={route.id} />;
    case 'authority':
      return <AuthorityPage />;
    case 'unknown':
      return (
        <PluginPage pageNav={{ text: 'Not found' }}>
          <Notice icon="question-circle" title="There is no such page">
            <AppLink to={incidentsAddress()}>Go to the incidents</AppLink>
          </Notice>
        </PluginPage>
      );
  }
}
