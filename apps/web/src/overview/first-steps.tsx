import { Link } from 'react-router';
import { Panel } from '../ui/panel.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import type { Overview } from './overview.queries.ts';
import './first-steps.css';

/** Where a newcomer begins; what is done is ticked off. */
export function FirstSteps({ overview }: { overview: Overview }) {
  const steps = [
    {
      done: overview.agents > 0,
      title: 'Enrol a collector',
      text: 'Create an enrollment token and start opampsupervisor with the supervisor.yaml you get with it.',
      to: '/enrollment-tokens',
      link: 'Enrollment tokens',
    },
    {
      done: overview.configurations > 0,
      title: 'Write a configuration',
      text: 'Collector YAML with a name. It is checked while you type.',
      to: '/create/configuration',
      link: 'New configuration',
    },
    {
      done: overview.fleets > 0,
      title: 'Make a fleet',
      text: 'A selector says which agents belong to it. Then roll the configuration out to it.',
      to: '/create/fleet',
      link: 'New fleet',
    },
  ];
  return (
    <Panel title={overview.agents === 0 ? 'No agents yet: first steps' : 'First steps'}>
      <ol className="first-steps">
        {steps.map(({ done, title, text, to, link }) => (
          <li key={title}>
            <h3>
              {title} {done && <StatusChip tone="ok">done</StatusChip>}
            </h3>
            <p className="muted">{text}</p>
            {!done && <Link to={to}>{link}</Link>}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
