import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app.tsx';
import { SessionGate } from './session/session.tsx';
import './tokens.css';
import './base.css';
import './ui/button.css';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <BrowserRouter>
      <SessionGate>
        <App />
      </SessionGate>
    </BrowserRouter>
  </StrictMode>,
);
