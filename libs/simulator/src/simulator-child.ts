import { serveSimulator } from './simulator-process.ts';

serveSimulator();
