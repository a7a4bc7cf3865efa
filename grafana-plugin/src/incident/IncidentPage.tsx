import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { Alert, Tab, TabContent, TabsBar, useStyles2 } from '@grafana/ui';

import { incidentPath } from '../api/client';
import { list } from '../api/types';
import type { IncidentDetail, WhoAmI } from '../api/types';
import { useResource } from '../api/useResource';
import { AppLink } from '../ui/AppLink';
import { HostileText } from '../ui/HostileText';
import { WhenReady } from '../ui/PageState';
import { incidentAddress, incidentsAddress } from '../url/routes';
import { useUrlState } from '../url/useUrlState';
import { AuthorityTab } from './AuthorityTab';
import { EntitiesTab } from './EntitiesTab';
import { EventsTab } from './EventsTab';
import { HistoryTab } from './HistoryTab';
import { IncidentHeader } from './IncidentHeader';
import { ScoreTab } from './ScoreTab';
import { SignalsTab } from './SignalsTab';
import { StoryTab } from './StoryTab';

const tabs = [
  { id: 'story', label: 'Story' },
  { id: 'signals', label: 'Signals' },
  { id: 'entities', label: 'Entities' },
  { id: 'score', label: 'Score' },
  { id: 'events', label: 'Events' },
  { id: 'authority', label: 'Response authority' },
  { id: 'history', label: 'History' },
] as const;

type TabId = (typeof tabs)[number]['id'];

/** IncidentPage is one incident: the header that never scrolls away, and a tab for each question about it. */
export function IncidentPage({ id }: { id: string }) {
  const detail = useResource<IncidentDetail>(incidentPath(id));
  const who = useResource<WhoAmI>('/whoami');
  return (
    <PluginPage pageNav={{ text: detail.data?.incident.title ?? 'Incident', url: incidentAddress(id) }} renderTitle={() => <></>}>
      <WhenReady resource={detail} what="this incident">
        {(data) => (
          <Ready
            data={data}
            who={who.data}
            whoFailed={who.error?.message}
            onTriage={(triage) => detail.replace({ ...data, triage })}
            onReload={detail.reload}
          />
        )}
      </WhenReady>
    </PluginPage>
  );
}

interface ReadyProps {
  data: IncidentDetail;
  who: WhoAmI | undefined;
  whoFailed: string | undefined;
  onTriage: (triage: IncidentDetail['triage']) => void;
  onReload: () => void;
}

function Ready({ data, who, whoFailed, onTriage, onReload }: ReadyProps) {
  const styles = useStyles2(getStyles);
  const url = useUrlState();
  const { incident, triage } = data;
  const active: TabId = tabs.find((tab) => tab.id === url.get('tab'))?.id ?? 'story';
  const counters: Partial<Record<TabId, number>> = {
    signals: list(incident.signals).length,
    entities: list(incident.entities).length,
    history: list(triage.comments).length,
  };
  const to = (tab: TabId) => ({ tab, signal: undefined, event: undefined, decision: undefined, entity: undefined });
  return (
    <article aria-label={`Incident ${incident.id}`}>
      <IncidentHeader incident={incident} triage={triage} who={who} whoFailed={whoFailed} onTriage={onTriage} onReload={onReload} />
      {incident.state !== 'open' && (
        <Alert severity="info" title={incident.state === 'merged' ? 'Merged into another incident' : 'Dissolved'}>
          {incident.state === 'merged' && incident.merged_into ? (
            <AppLink to={incidentAddress(incident.merged_into)}>Open the incident that took it over</AppLink>
          ) : (
            'Its signals were withdrawn, because events that arrived later showed that they do not hold.'
          )}
        </Alert>
      )}
      <p className={styles.summary}>
        <HostileText text={incident.summary ?? ''} />
      </p>
      <TabsBar>
        {tabs.map((tab) => (
          <Tab
            key={tab.id}
            label={tab.label}
            active={tab.id === active}
            counter={counters[tab.id]}
            href={url.href(to(tab.id))}
            onChangeTab={(event) => {
              if (event?.metaKey || event?.ctrlKey) {
                return;
              }
              event?.preventDefault();
              url.set(to(tab.id));
            }}
          />
        ))}
      </TabsBar>
      <TabContent className={styles.content}>
        {active === 'story' && <StoryTab incident={incident} />}
        {active === 'signals' && <SignalsTab incident={incident} selected={url.get('signal')} />}
        {active === 'entities' && <EntitiesTab incident={incident} />}
        {active === 'score' && <ScoreTab incident={incident} />}
        {active === 'events' && <EventsTab incident={incident} />}
        {active === 'authority' && <AuthorityTab incident={incident} />}
        {active === 'history' && <HistoryTab incident={incident} triage={triage} who={who} onTriage={onTriage} onReload={onReload} />}
      </TabContent>
      <p className={styles.back}>
        <AppLink to={incidentsAddress()}>All incidents</AppLink>
      </p>
    </article>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  summary: css({ maxWidth: '90ch', margin: theme.spacing(1.5, 0) }),
  content: css({ background: 'transparent', paddingTop: theme.spacing(2) }),
  back: css({ marginTop: theme.spacing(3) }),
});
