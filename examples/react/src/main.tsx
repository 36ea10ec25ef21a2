import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Bell, LoncengProvider, useInbox, useNotification, useUnread } from '@lonceng/react';
import type { Notification } from '@lonceng/react';

/** Where the hub is: another origin must be in its `allowed_origins`. */
const hub = new URLSearchParams(location.search).get('hub') ?? location.origin;

/** A greeting of the application's own, from the same inbox as the bell. */
function Greeting() {
  const unread = useUnread();
  const [last, setLast] = useState<Notification | null>(null);
  useNotification(setLast);
  return (
    <>
      <p id="unread">{unread === 1 ? '1 notification is' : `${unread} notifications are`} unread.</p>
      <p id="last">{last ? `The last one says: ${last.message}` : 'Nothing has come yet.'}</p>
    </>
  );
}

/** A list of the application's own. */
function List() {
  const { items, hasMore, loadMore, markRead, markAllRead, archive } = useInbox();
  return (
    <section>
      <h2>Your own list</h2>
      <button onClick={markAllRead}>Mark all as read</button>
      <ul>
        {items.map((item) => (
          <li key={item.notification_id} style={{ opacity: item.read ? 0.6 : 1 }}>
            {item.message}{' '}
            {!item.read && <button onClick={() => markRead(item.notification_id)}>Mark as read</button>}{' '}
            <button onClick={() => archive(item.notification_id)}>Archive</button>
          </li>
        ))}
      </ul>
      {hasMore && <button onClick={() => void loadMore()}>Show older</button>}
    </section>
  );
}

function App() {
  return (
    // With tokens: getToken={async () => (await fetch('/lonceng-token')).text()} instead of userId.
    <LoncengProvider hub={hub} userId="budi">
      <main style={{ font: '16px system-ui', maxWidth: '40rem', margin: '2rem auto', padding: '0 1rem' }}>
        <header style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center' }}>
          <h1>Lonceng in React</h1>
          <Bell />
        </header>
        <Greeting />
        <List />
      </main>
    </LoncengProvider>
  );
}

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
