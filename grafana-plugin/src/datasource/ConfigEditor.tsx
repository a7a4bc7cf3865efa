import type { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Field, FieldSet, Input, SecretInput, SecretTextArea, Switch } from '@grafana/ui';

import type { SecureSettings, Settings } from './types';

/** ConfigEditor is the data source's configuration; Grafana saves and tests it. */
export function ConfigEditor({ options, onOptionsChange }: DataSourcePluginOptionsEditorProps<Settings, SecureSettings>) {
  const { jsonData, secureJsonData, secureJsonFields } = options;
  const change = (patch: Partial<Settings>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...patch } });
  const secret = (name: keyof SecureSettings) => ({
    isConfigured: secureJsonFields?.[name] === true,
    value: secureJsonData?.[name] ?? '',
    onReset: () =>
      onOptionsChange({
        ...options,
        secureJsonFields: { ...secureJsonFields, [name]: false },
        secureJsonData: { ...secureJsonData, [name]: '' },
      }),
  });
  const setSecret = (name: keyof SecureSettings, value: string) => onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, [name]: value } });
  return (
    <>
      <FieldSet label="Elasticsearch">
        <Field label="Addresses" htmlFor="mxdr-ds-url" description="One or more, separated by commas" required>
          <Input id="mxdr-ds-url" width={60} placeholder="https://elasticsearch:9200" value={jsonData.url ?? ''} onChange={(event) => change({ url: event.currentTarget.value })} />
        </Field>
        <Field label="User" htmlFor="mxdr-ds-user">
          <Input id="mxdr-ds-user" width={40} autoComplete="off" value={jsonData.user ?? ''} onChange={(event) => change({ user: event.currentTarget.value })} />
        </Field>
        <Field label="Password" htmlFor="mxdr-ds-password">
          <SecretInput id="mxdr-ds-password" width={40} autoComplete="new-password" {...secret('password')} onChange={(event) => setSecret('password', event.currentTarget.value)} />
        </Field>
        <Field label="API key" htmlFor="mxdr-ds-apikey" description="Instead of user and password">
          <SecretInput id="mxdr-ds-apikey" width={60} autoComplete="off" {...secret('apiKey')} onChange={(event) => setSecret('apiKey', event.currentTarget.value)} />
        </Field>
        <Field label="Own certificate authority" htmlFor="mxdr-ds-ca-on" description="Trust the certificate authority below">
          <Switch id="mxdr-ds-ca-on" value={jsonData.tlsAuthWithCACert ?? false} onChange={(event) => change({ tlsAuthWithCACert: event.currentTarget.checked })} />
        </Field>
        {jsonData.tlsAuthWithCACert === true && (
          <Field label="CA certificate" htmlFor="mxdr-ds-ca">
            <SecretTextArea id="mxdr-ds-ca" rows={5} cols={70} placeholder="Begins with -----BEGIN CERTIFICATE-----" {...secret('tlsCACert')} onChange={(event) => setSecret('tlsCACert', event.currentTarget.value)} />
          </Field>
        )}
      </FieldSet>
      <FieldSet label="Tenant">
        <Field label="Tenant" htmlFor="mxdr-ds-tenant" description="The organization.id whose data this data source reads" required>
          <Input id="mxdr-ds-tenant" width={40} placeholder="acme" value={jsonData.tenant ?? ''} onChange={(event) => change({ tenant: event.currentTarget.value })} />
        </Field>
      </FieldSet>
    </>
  );
}
