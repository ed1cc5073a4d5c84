import './template-help.css';

const entries: [string, string][] = [
  ['{{ agent.os }}', 'What the agent is: also agent.name, uid, type, version, arch, hostname.'],
  ['{{ labels.region }}', 'A label of the agent.'],
  ['{{ attributes["host.name"] }}', 'An attribute that the agent reports.'],
  ['{{ variables.endpoint }}', 'A variable of its fleet; it counts from the next rollout on.'],
  ['{{ fleet.name }}', 'The name of its fleet.'],
  [
    '{% if labels.canary %} … {% endif %}',
    'A part that only some agents get. Liquid has else, elsif, unless, case and for.',
  ],
  [
    '{{ labels.zone | default: "none" }}',
    'A value that may be missing. Without a default, a missing value is an error.',
  ],
  ['${env:TOKEN}', 'Left to the collector, which reads it where it runs: the place for secrets.'],
  ['key: !remove', 'In an overlay: takes the key out.'],
  [
    'key: !append [debug]',
    'In an overlay: adds to the list. Mappings are merged by key, all else is replaced.',
  ],
];

/** What may be written in a template and in an overlay, in brief. */
export function TemplateHelp() {
  return (
    <details className="template-help">
      <summary>What templates and overlays may say</summary>
      <dl>
        {entries.map(([code, meaning]) => (
          <div key={code}>
            <dt>
              <code>{code}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
