import { useId } from 'react';
import { Field } from '../ui/field.tsx';
import { weekDays, windowText, type MaintenanceWindow, type WindowRow } from './maintenance-windows.ts';
import './windows-field.css';

const timezones = Intl.supportedValuesOf('timeZone');
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

type Choice = '' | 'any' | 'windows';

/** When offers may be made: at any time, or in weekly windows by the clocks of a place. */
export function WindowsField({
  windows,
  defaults,
  error,
  onChange,
}: {
  /** Null: the default. */
  windows: WindowRow[] | null;
  defaults: MaintenanceWindow[];
  error: string | undefined;
  onChange: (windows: WindowRow[] | null) => void;
}) {
  const choice: Choice = windows === null ? '' : windows.length === 0 ? 'any' : 'windows';
  const choose = (chosen: Choice) => {
    if (chosen === '') onChange(null);
    else onChange(chosen === 'any' ? [] : [newWindow(0)]);
  };
  return (
    <div className="stack">
      <div className="windows-choice">
        <Field
          label="Maintenance windows"
          hint="Outside of them nothing is offered; what is taken back goes back at any time."
          error={error}
        >
          {(control) => (
            <select
              {...control}
              className="input"
              value={choice}
              onChange={(event) => choose(event.target.value as Choice)}
            >
              <option value="">
                default ({defaults.length === 0 ? 'at any time' : defaults.map(windowText).join('; ')})
              </option>
              <option value="any">at any time</option>
              <option value="windows">only in these windows</option>
            </select>
          )}
        </Field>
      </div>
      {windows && windows.length > 0 && <WindowRows windows={windows} onChange={onChange} />}
    </div>
  );
}

function newWindow(id: number): WindowRow {
  return { id, timezone: here, days: ['sat', 'sun'], start: '22:00', end: '06:00' };
}

function WindowRows({
  windows,
  onChange,
}: {
  windows: WindowRow[];
  onChange: (windows: WindowRow[]) => void;
}) {
  const listId = useId();
  const nextId = Math.max(...windows.map(({ id }) => id)) + 1;
  return (
    <>
      <datalist id={listId}>
        {timezones.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <ol className="windows" aria-label="Windows">
        {windows.map((window, index) => (
          <li key={window.id}>
            <WindowFields
              number={index + 1}
              window={window}
              timezoneList={listId}
              onChange={(changed) => onChange(windows.with(index, changed))}
              onRemove={() => onChange(windows.filter(({ id }) => id !== window.id))}
            />
          </li>
        ))}
      </ol>
      <div>
        <button
          type="button"
          className="button button-small"
          onClick={() => onChange([...windows, newWindow(nextId)])}
        >
          Add window
        </button>
      </div>
    </>
  );
}

function WindowFields({
  number,
  window,
  timezoneList,
  onChange,
  onRemove,
}: {
  number: number;
  window: WindowRow;
  timezoneList: string;
  onChange: (window: WindowRow) => void;
  onRemove: () => void;
}) {
  const toggle = (day: (typeof weekDays)[number]) =>
    onChange({
      ...window,
      days: weekDays.filter((each) => (each === day) !== window.days.includes(each)),
    });
  return (
    <div className="window" role="group" aria-label={`Window ${number}`}>
      <fieldset className="window-days">
        <legend>Days it begins on</legend>
        {weekDays.map((day) => (
          <label key={day}>
            <input type="checkbox" checked={window.days.includes(day)} onChange={() => toggle(day)} />
            {day}
          </label>
        ))}
      </fieldset>
      <TimeField label="From" value={window.start} onChange={(start) => onChange({ ...window, start })} />
      <TimeField label="To" value={window.end} onChange={(end) => onChange({ ...window, end })} />
      <Field label="Time zone">
        {(control) => (
          <input
            {...control}
            className="input"
            list={timezoneList}
            required
            spellCheck={false}
            value={window.timezone}
            onChange={(event) => onChange({ ...window, timezone: event.target.value })}
          />
        )}
      </Field>
      <button
        type="button"
        className="button button-small"
        aria-label={`Remove window ${number}`}
        onClick={onRemove}
      >
        Remove
      </button>
    </div>
  );
}

function TimeField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          className="input"
          type="time"
          required
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
