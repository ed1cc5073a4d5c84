import type { ReactNode } from 'react';
import { Field } from './field.tsx';

/** A field with one choice of several. */
export function SelectField({
  label,
  placeholder,
  options,
  value,
  onChange,
  hint,
  error,
  required = true,
}: {
  label: string;
  /** The text of the empty choice. */
  placeholder: string;
  options: { value: string; text: string }[];
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  error?: ReactNode;
  required?: boolean;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <select
          {...control}
          className="input"
          required={required}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        >
          <option value="">{placeholder}</option>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
