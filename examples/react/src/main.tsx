import { StrictMode, useCallback, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Bell } from './Bell';
import type { Notification } from './lonceng';

/** Where the hub is: another origin must be in its `allowed_origins`. */
const hub = new URLSearchParams(location.search).get('hub') ?? location.origin;

function App() {
  const [last, setLast] = useState<Notification | null>(null);
  const tell = useCallback((notification: Notification) => setLast(notification), []);
  return (
    <main style={{ font: '16px system-ui', maxWidth: '40rem', margin: '2rem auto', padding: '0 1rem' }}>
      <header style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center' }}>
        <h1>Lonceng in React</h1>
        <Bell hub={hub} userId="budi" onNotification={tell} />
      </header>
      <p id="last">{last ? `The last one says: ${last.message}` : 'Nothing has come yet.'}</p>
    </main>
  );
}

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
