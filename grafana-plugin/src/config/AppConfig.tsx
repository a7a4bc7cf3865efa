import { css } from '@emotion/css';
import type { AppPluginMeta, GrafanaTheme2, PluginConfigPageProps } from '@grafana/data';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, Button, Field, FieldSet, Input, SecretInput, SecretTextArea, Switch, useStyles2 } from '@grafana/ui';
import { useState } from 'react';
import { lastValueFrom } from 'rxjs';

import { toApiError } from '../api/client';
import { PLUGIN_ID } from '../constants';
import { Choice } from '../ui/Choice';
import { Row } from '../ui/Layout';
import { Logins } from './Logins';
import { defaultRoles, personActors, problems } from './settings';
import type { AppSettings, PersonActor, Secrets } from './settings';
import { Targets } from './Targets';

/** Outcome is what came of saving and testing. */
type Outcome = { severity: 'success' | 'error' | 'warning'; title: string; text: string };

/** AppConfig is the app's configuration; "Save & test" ends with the backend's health. */
export function AppConfig({ plugin }: PluginConfigPageProps<AppPluginMeta<AppSettings>>) {
  const styles = useStyles2(getStyles);
  const { enabled, pinned, jsonData, secureJsonFields } = plugin.meta;
  const [settings, setSettings] = useState<AppSettings>(jsonData ?? {});
  const [secrets, setSecrets] = useState<Secrets>({});
  const [stored, setStored] = useState<Record<string, boolean>>(secureJsonFields ?? {});
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const [tried, setTried] = useState(false);

  const wrong = problems(settings);
  const faults = tried ? wrong : {};
  const change = (patch: Partial<AppSettings>) => setSettings({ ...settings, ...patch });
  const roles = settings.actors?.roles ?? {};

  const save = async () => {
    setTried(true);
    if (Object.keys(wrong).length > 0) {
      setOutcome({ severity: 'warning', title: 'Not saved', text: 'Correct the marked fields first.' });
      return;
    }
    setBusy(true);
    setOutcome(undefined);
    try {
      await saveSettings({ enabled: true, pinned: enabled ? (pinned ?? true) : true, jsonData: settings, secureJsonData: secrets });
      setStored({ ...stored, ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, value !== ''])) });
      setSecrets({});
      const health = await checkHealth();
      setOutcome({ ...health, title: health.severity === 'success' ? 'Saved, and it works' : 'Saved, but the test failed' });
    } catch (err) {
      const failure = toApiError(err);
      setOutcome({ severity: 'error', title: failure.denied ? 'You may not change this configuration' : 'Not saved', text: `${failure.message} ${failure.hint}` });
    } finally {
      setBusy(false);
    }
  };

  const secret = (name: keyof Secrets) => ({
    isConfigured: stored[name] === true && secrets[name] === undefined,
    value: secrets[name] ?? '',
    onReset: () => {
      setSecrets({ ...secrets, [name]: '' });
    },
  });

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <FieldSet label="Elasticsearch">
        <Field label="Addresses" htmlFor="mxdr-url" description="One or more, separated by commas" invalid={faults.url !== undefined} error={faults.url} required>
          <Input id="mxdr-url" width={60} placeholder="https://elasticsearch:9200" value={settings.url ?? ''} onChange={(event) => change({ url: event.currentTarget.value })} />
        </Field>
        <Field label="User" htmlFor="mxdr-user" description="Limit its rights in Elasticsearch to this tenant’s indices">
          <Input id="mxdr-user" width={40} autoComplete="off" value={settings.user ?? ''} onChange={(event) => change({ user: event.currentTarget.value })} />
        </Field>
        <Field label="Password" htmlFor="mxdr-password">
          <SecretInput id="mxdr-password" width={40} autoComplete="new-password" {...secret('password')} onChange={(event) => setSecrets({ ...secrets, password: event.currentTarget.value })} />
        </Field>
        <Field label="API key" htmlFor="mxdr-apikey" description="Instead of user and password">
          <SecretInput id="mxdr-apikey" width={60} autoComplete="off" {...secret('apiKey')} onChange={(event) => setSecrets({ ...secrets, apiKey: event.currentTarget.value })} />
        </Field>
        <Field label="Own certificate authority" htmlFor="mxdr-ca-on" description="Trust the certificate authority below">
          <Switch id="mxdr-ca-on" value={settings.tlsAuthWithCACert ?? false} onChange={(event) => change({ tlsAuthWithCACert: event.currentTarget.checked })} />
        </Field>
        {settings.tlsAuthWithCACert === true && (
          <Field label="CA certificate" htmlFor="mxdr-ca">
            <SecretTextArea id="mxdr-ca" rows={5} cols={70} placeholder="Begins with -----BEGIN CERTIFICATE-----" {...secret('tlsCACert')} onChange={(event) => setSecrets({ ...secrets, tlsCACert: event.currentTarget.value })} />
          </Field>
        )}
      </FieldSet>
      <FieldSet label="Tenant">
        <Field
          label="Tenant"
          htmlFor="mxdr-tenant"
          description="The organization.id whose data this Grafana organization sees"
          invalid={faults.tenant !== undefined}
          error={faults.tenant}
          required
        >
          <Input id="mxdr-tenant" width={40} placeholder="acme" value={settings.tenant ?? ''} onChange={(event) => change({ tenant: event.currentTarget.value })} />
        </Field>
      </FieldSet>
      <FieldSet label="Who acts in which part">
        <p className={styles.help}>Viewers read. Nobody acts for the customer unless named here. Logins count before roles.</p>
        <Row gap={3}>
          {(['Editor', 'Admin'] as const).map((role) => (
            <Field key={role} label={`Grafana role ${role}`} htmlFor={`mxdr-role-${role}`}>
              <Choice<PersonActor>
                id={`mxdr-role-${role}`}
                label={`Actor for role ${role}`}
                width={26}
                value={personActors.find((actor) => actor.value === roles[role])?.value ?? defaultRoles[role]}
                options={personActors}
                onChange={(actor) => change({ actors: { ...settings.actors, roles: { ...roles, [role]: actor } } })}
              />
            </Field>
          ))}
        </Row>
        <Logins logins={settings.actors?.logins ?? {}} onChange={(logins) => change({ actors: { ...settings.actors, logins } })} />
      </FieldSet>
      <FieldSet label="The customer’s working hours">
        <Field label="Hours" invalid={faults.hours !== undefined} error={faults.hours} description="Monday to Friday, 08:00 to 18:00 UTC unless set">
          <Row>
            <Input aria-label="From" width={10} placeholder="08:00" value={settings.hours?.start ?? ''} onChange={(event) => change({ hours: { ...settings.hours, start: event.currentTarget.value } })} />
            <span>to</span>
            <Input aria-label="To" width={10} placeholder="18:00" value={settings.hours?.end ?? ''} onChange={(event) => change({ hours: { ...settings.hours, end: event.currentTarget.value } })} />
            <Input
              aria-label="Time zone"
              width={26}
              placeholder="Time zone, as Europe/Berlin"
              value={settings.hours?.timezone ?? ''}
              onChange={(event) => change({ hours: { ...settings.hours, timezone: event.currentTarget.value.trim() } })}
            />
          </Row>
        </Field>
      </FieldSet>
      <FieldSet label="What targets are to the business">
        <p className={styles.help}>
          Authority treats a target that nobody classified with care: nothing is done to it alone. The first entry that fits counts; * and ? stand for any
          characters.
        </p>
        {faults.targets !== undefined && <Alert severity="warning" title={faults.targets} />}
        <Targets targets={settings.targets ?? []} onChange={(targets) => change({ targets })} />
      </FieldSet>
      {outcome !== undefined && (
        <div role="status" aria-live="polite">
          <Alert severity={outcome.severity} title={outcome.title}>
            {outcome.text}
          </Alert>
        </div>
      )}
      <Button type="submit" disabled={busy}>
        {busy ? 'Saving and testing …' : enabled ? 'Save & test' : 'Save, enable & test'}
      </Button>
    </form>
  );
}

interface Body {
  enabled: boolean;
  pinned: boolean;
  jsonData: AppSettings;
  secureJsonData: Secrets;
}

async function saveSettings(body: Body): Promise<void> {
  await lastValueFrom(
    getBackendSrv().fetch({ url: `api/plugins/${PLUGIN_ID}/settings`, method: 'POST', data: body, showErrorAlert: false, showSuccessAlert: false })
  );
}

/** checkHealth asks the backend; an unhealthy one answers with an error status. */
async function checkHealth(): Promise<Outcome> {
  try {
    const response = await lastValueFrom(
      getBackendSrv().fetch<{ status: string; message: string }>({ url: `api/plugins/${PLUGIN_ID}/health`, method: 'GET', showErrorAlert: false })
    );
    const ok = response.data.status === 'OK';
    return { severity: ok ? 'success' : 'error', title: '', text: response.data.message };
  } catch (err) {
    return { severity: 'error', title: '', text: toApiError(err).message };
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  form: css({ maxWidth: 1000 }),
  help: css({ color: theme.colors.text.secondary, maxWidth: '80ch' }),
});
