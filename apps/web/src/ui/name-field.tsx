import { TextField } from './field.tsx';

/** Asks for the name of something new that the API knows by its name. */
export function NameField({
  value,
  onChange,
  error,
}: {
  value: string;
  onChange: (name: string) => void;
  error: string | undefined;
}) {
  return (
    <TextField
      label="Name"
      required
      autoFocus
      value={value}
      onChange={onChange}
      error={error}
      hint="Letters, digits, dots, dashes and underscores. It cannot be changed later."
    />
  );
}
