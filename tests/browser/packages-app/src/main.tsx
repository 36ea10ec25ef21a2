import { createRoot, hydrateRoot } from 'react-dom/client';
import { App } from './App';

const query = Object.fromEntries(new URLSearchParams(location.search));
const root = document.getElementById('root')!;
if (root.firstElementChild) hydrateRoot(root, <App {...query} />);
else createRoot(root).render(<App {...query} />);
