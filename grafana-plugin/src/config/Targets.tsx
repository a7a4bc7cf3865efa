import { Button, IconButton, Input } from '@grafana/ui';

import { Choice } from '../ui/Choice';
import { Column, Row } from '../ui/Layout';
import { plainName } from '../ui/words';
import type { TargetClass } from './settings';

const types = ['host', 'process', 'user', 'cloud_principal', 'session', 'ip', 'domain', 'url', 'mail_message', 'file_hash'] as const;
const hostClasses = ['workstation', 'server', 'domain_controller', 'network_device', 'cloud_workload', 'ot_device'] as const;
const addressClasses = ['external', 'internal'] as const;
const contentClasses = ['content'] as const;
const identityClasses = ['standard', 'vip', 'privileged', 'service', 'break_glass'] as const;
const criticalities = ['low', 'normal', 'high', 'critical'] as const;

/** classesFor lists what a target of a type can be, and in which setting that is written. */
export function classesFor(type: string): { setting: 'asset_class' | 'identity_class'; classes: readonly string[] } {
  switch (type) {
    case 'user':
    case 'cloud_principal':
    case 'session':
      return { setting: 'identity_class', classes: identityClasses };
    case 'ip':
    case 'domain':
    case 'url':
      return { setting: 'asset_class', classes: addressClasses };
    case 'mail_message':
    case 'file_hash':
      return { setting: 'asset_class', classes: contentClasses };
    default:
      return { setting: 'asset_class', classes: hostClasses };
  }
}

/** withType gives an entry another type, and a class that fits it. */
export function withType(target: TargetClass, type: string): TargetClass {
  const { setting, classes } = classesFor(type);
  return { type, match: target.match, criticality: target.criticality, [setting]: classes[0] };
}

interface TargetsProps {
  targets: TargetClass[];
  onChange: (targets: TargetClass[]) => void;
}

const options = (values: readonly string[]) => values.map((value) => ({ value, label: plainName(value) }));

/** Targets classifies entities, entry by entry. */
export function Targets({ targets, onChange }: TargetsProps) {
  const put = (at: number, target: TargetClass) => onChange(targets.map((old, other) => (other === at ? target : old)));
  return (
    <Column>
      {targets.map((target, at) => {
        const { setting, classes } = classesFor(target.type);
        return (
          <Row key={at}>
            <span>{at + 1}</span>
            <Choice<string> label={`Type of entry ${at + 1}`} width={20} value={target.type} options={options(types)} onChange={(type) => put(at, withType(target, type))} />
            <Input
              width={32}
              aria-label={`Value of entry ${at + 1}`}
              placeholder="ws-*, alice@example.com, 203.0.113.*"
              value={target.match}
              onChange={(event) => put(at, { ...target, match: event.currentTarget.value })}
            />
            <Choice<string>
              label={`Class of entry ${at + 1}`}
              width={22}
              value={target[setting] ?? ''}
              options={options(classes)}
              onChange={(value) => put(at, { ...target, [setting]: value })}
            />
            <Choice<string>
              label={`Criticality of entry ${at + 1}`}
              width={16}
              value={target.criticality || 'normal'}
              options={options(criticalities)}
              onChange={(criticality) => put(at, { ...target, criticality })}
            />
            <IconButton name="trash-alt" tooltip={`Remove entry ${at + 1}`} onClick={() => onChange(targets.filter((_, other) => other !== at))} />
          </Row>
        );
      })}
      <div>
        <Button type="button" variant="secondary" icon="plus" onClick={() => onChange([...targets, withType({ type: 'host', match: '', criticality: 'normal' }, 'host')])}>
          Add entry
        </Button>
      </div>
    </Column>
  );
}
