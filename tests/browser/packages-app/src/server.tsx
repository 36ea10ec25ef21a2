// Renders the application on a server: `vite build --ssr src/server.tsx`.
import { renderToString } from 'react-dom/server';
import { App } from './App';

export const html = renderToString(<App userId="budi" />);
