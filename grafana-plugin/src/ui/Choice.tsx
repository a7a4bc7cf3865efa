import { MultiSelect, Select } from '@grafana/ui';
import type { SelectableValue } from '@grafana/data';

// The only place that knows Grafana's Select: newer Grafanas replace it with a
// component that 10.1 does not have.

export interface Option<V extends string> {
  value: V;
  label: string;
  description?: string;
}

interface Common<V extends string> {
  /** Said by screen readers. */
  label: string;
  options: ReadonlyArray<Option<V>>;
  /** In steps of eight pixels. */
  width?: number;
  disabled?: boolean;
  id?: string;
}

/** Choice picks one value. */
export function Choice<V extends string>({
  label,
  options,
  value,
  onChange,
  ...rest
}: Common<V> & { value: V; onChange: (value: V) => void }) {
  return (
    <Select<V>
      {...plain(rest)}
      aria-label={label}
      options={options.map(selectable)}
      value={value}
      onChange={(picked) => {
        if (picked.value !== undefined) {
          onChange(picked.value);
        }
      }}
      isSearchable={options.length > 8}
      menuShouldPortal
    />
  );
}

/** Choices picks any number of values. */
export function Choices<V extends string>({
  label,
  options,
  values,
  onChange,
  placeholder,
  ...rest
}: Common<V> & { values: readonly V[]; onChange: (values: V[]) => void; placeholder?: string }) {
  return (
    <MultiSelect<V>
      {...plain(rest)}
      aria-label={label}
      options={options.map(selectable)}
      value={[...values]}
      onChange={(picked) => onChange(picked.flatMap((option) => (option.value === undefined ? [] : [option.value])))}
      placeholder={placeholder ?? label}
      closeMenuOnSelect={false}
      isClearable
      menuShouldPortal
    />
  );
}

function plain(rest: { width?: number; disabled?: boolean; id?: string }) {
  return { width: rest.width, disabled: rest.disabled, inputId: rest.id };
}

function selectable<V extends string>(option: Option<V>): SelectableValue<V> {
  return { value: option.value, label: option.label, description: option.description };
}
