import { useQuery } from 'urql';
import { enrollmentTokensQuery } from '../enrollment-tokens/enrollment-tokens.queries.ts';
import './tokens-field.css';

/** The enrollment tokens, by name, whose agents alone a fleet takes; none chosen: agents of every token. */
export function TokensField({
  value,
  onChange,
  error,
}: {
  value: readonly string[];
  onChange: (names: string[]) => void;
  error: string | undefined;
}) {
  const [{ data }] = useQuery({ query: enrollmentTokensQuery, variables: {} });
  const known = (data?.enrollmentTokens ?? []).map(({ name }) => name);
  const names = [...new Set([...known, ...value])].toSorted();
  const toggle = (name: string) =>
    onChange(value.includes(name) ? value.filter((other) => other !== name) : [...value, name]);
  return (
    <fieldset className="tokens-field">
      <legend>Only agents of these enrollment tokens</legend>
      {names.map((name) => (
        <label key={name}>
          <input type="checkbox" checked={value.includes(name)} onChange={() => toggle(name)} />
          {name}
        </label>
      ))}
      {error && (
        <div className="field-error" role="alert">
          {error}
        </div>
      )}
      <div className="field-hint">
        Attributes are what an agent says of itself: a client with any token can say them. Choose tokens to
        keep agents of all others out. None chosen: agents of every token, and of none.
      </div>
    </fieldset>
  );
}
