/** What the console says in Indonesian; in English it says the keys. @type {Record<string, string>} */
const INDONESIAN = {
  'Throw your changes away?': 'Buang perubahan Anda?', 'optional': 'opsional', 'Last': 'Terakhir', 'Probably': 'Mungkin',
  '{name} is not connected; the hub works without it.': '{name} tidak tersambung; hub bekerja tanpanya.',
  'Events without a type': 'Peristiwa tanpa jenis',
  'Remove {codes}? Their events are skipped from then on.': 'Hapus {codes}? Sejak itu peristiwanya dilewati.', 'It is taken.': 'Sudah dipakai.',
  'Take the file, and remove {n} types': 'Pakai berkas itu, dan hapus {n} jenis',
  'Overview': 'Ikhtisar', 'Types': 'Jenis', 'Clients': 'Klien', 'Send': 'Kirim', 'Inbox': 'Kotak masuk', 'Explain': 'Jelaskan',
  'Dead letters': 'Surat mati', 'Directory': 'Direktori', 'Configuration': 'Konfigurasi', 'Audit': 'Audit', 'Pages': 'Halaman',
  'Who': 'Siapa', 'Roles': 'Peran', 'Since': 'Sejak', 'By': 'Lewat', 'Hub': 'Hub', 'Watches': 'Mengamati', 'Actions': 'Tindakan',
  'Login': 'Nama masuk', 'E-mail': 'Surel', 'Locale': 'Bahasa', 'On': 'Nyala', 'From': 'Dari', 'Status': 'Status', 'Made': 'Dibuat',
  'Read': 'Dibaca', 'Live': 'Langsung', 'down': 'mati', 'degraded': 'terganggu',
  'Not allowed.': 'Tidak diizinkan.', 'The hub answers {status}.': 'Hub menjawab {status}.',
  'The connection to the hub is gone.': 'Sambungan ke hub terputus.', 'Sign out': 'Keluar', 'Sign in': 'Masuk', 'Token': 'Token',
  'A JWT whose roles name admin. It is kept until this tab is closed.': 'JWT dengan peran admin. Disimpan sampai tab ini ditutup.',
  'Skip to the page': 'Langsung ke halaman', 'Disconnect {who}': 'Putuskan {who}', '{who} is disconnected.': '{who} diputuskan.',
  'Disconnect': 'Putuskan', 'Nobody is connected.': 'Tidak ada yang tersambung.', 'was taken': 'dimuat',
  'What is in the file now is not taken. What was there before goes on.': 'Isi berkas yang sekarang tidak dipakai. Yang sebelumnya tetap berlaku.',
  'What is in the file is what the hub works by.': 'Hub bekerja menurut isi berkas ini.', 'Waits for a restart: {keys}.': 'Menunggu mulai ulang: {keys}.',
  'Types that differ from the file': 'Jenis yang berbeda dari berkas', 'Code': 'Kode', 'The file, and the table': 'Berkas, dan tabel',
  'Changed by': 'Diubah oleh', 'hand': 'tangan', 'None.': 'Tidak ada.', 'Types that are wrong, and off': 'Jenis yang salah, dan mati', 'Why': 'Sebab',
  'Older ones': 'Yang lebih lama', 'by {who}': 'oleh {who}', 'Nobody has changed anything yet.': 'Belum ada yang mengubah apa pun.',
  'What it was': 'Sebelumnya', 'Reason, subject or payload': 'Alasan, subjek, atau isi', 'Search dead letters': 'Cari surat mati',
  'Kind': 'Macam', 'every kind': 'semua macam', 'Replay all that match': 'Ulangi semua yang cocok', 'None has that in it.': 'Tidak ada yang memuat itu.',
  'None. Every event could be taken.': 'Tidak ada. Semua peristiwa dapat diterima.', 'Take all that match once more?': 'Terima lagi semua yang cocok?',
  'Replayed': 'Diulangi', 'Stop': 'Hentikan', '{done} of {total}: {succeeded} taken, {failed} still bad.': '{done} dari {total}: {succeeded} diterima, {failed} masih salah.',
  'The first 64 KiB of it': '64 KiB pertamanya', 'The event': 'Peristiwanya', 'Replayed: {outcome}.': 'Diulangi: {outcome}.', 'Still not: {why}': 'Masih gagal: {why}',
  'Replay': 'Ulangi', 'Discarded.': 'Dibuang.', 'Discard': 'Buang', 'Id, login, name or e-mail': 'Id, nama masuk, nama, atau surel',
  'Search the directory': 'Cari di direktori', 'More': 'Lagi', 'Person': 'Orang', '{n} in the directory.': '{n} dalam direktori.', 'Edit {what}': 'Ubah {what}',
  'Edit': 'Ubah', 'Nobody.': 'Tidak ada.', '{what} is saved.': '{what} disimpan.', 'New person': 'Orang baru', 'Id': 'Id', 'with commas': 'dengan koma',
  'Save': 'Simpan', 'Take {who} out of the directory?': 'Keluarkan {who} dari direktori?', '{who} is not in the directory any more.': '{who} tidak lagi dalam direktori.',
  'Remove': 'Hapus', 'Close': 'Tutup', 'Uploaded': 'Terunggah', 'Upload people, one JSON object on each line': 'Unggah orang, satu objek JSON per baris',
  '{n} people entered.': '{n} orang dimasukkan.', '{n} before it were entered.': '{n} sebelumnya sudah dimasukkan.', 'Many at once': 'Banyak sekaligus',
  'A file with one JSON object on each line.': 'Berkas dengan satu objek JSON per baris.', 'An event, or a notification': 'Peristiwa, atau pemberitahuan',
  'Id of the event': 'Id peristiwa', 'Dead letter': 'Surat mati',
  'This hub knows no such event: it never came here, or too long ago.': 'Hub ini tidak mengenal peristiwa itu: tidak pernah tiba, atau sudah terlalu lama.',
  'What became of an event. For all about one person, see Inbox.': 'Perjalanan sebuah peristiwa. Untuk semua tentang satu orang, lihat Kotak masuk.',
  'shown live': 'ditampilkan langsung', 'over the limit': 'melebihi batas', 'not connected': 'tidak tersambung', 'Explain {what}': 'Jelaskan {what}',
  'They have not said what they want: they get everything.': 'Belum menyatakan keinginan: menerima semuanya.', 'muted: {types}': 'dibisukan: {types}',
  'nothing is muted': 'tidak ada yang dibisukan', 'quiet from {from} to {to}': 'tenang dari {from} sampai {to}', 'no quiet hours': 'tanpa jam tenang',
  'kept for {n} days': 'disimpan {n} hari', 'User id': 'Id pengguna',
  'The directory does not have this user: what is for a role or for everybody does not reach them.': 'Pengguna ini tidak ada di direktori: yang ditujukan untuk peran atau semua orang tidak sampai kepadanya.',
  'Nothing is in this inbox.': 'Kotak masuk ini kosong.', 'What did not come, and why': 'Yang tidak sampai, dan sebabnya', 'Nothing that this hub remembers.': 'Tidak ada yang diingat hub ini.',
  'Show': 'Tampilkan', '{name}, the last hour: at most {most} {unit}, now {last}': '{name}, satu jam terakhir: paling banyak {most} {unit}, kini {last}',
  'at most {most}': 'paling banyak {most}', '{name} is {word}': '{name} {word}', 'Everything is well.': 'Semuanya baik.', 'people connected': 'orang tersambung',
  'connections': 'sambungan', 'notifications': 'pemberitahuan', 'events': 'peristiwa', 'dead letters': 'surat mati', 'in the directory': 'dalam direktori', 'types': 'jenis',
  'Events': 'Peristiwa', 'a minute': 'per menit', 'Notifications': 'Pemberitahuan', 'Latency': 'Latensi', 'ms': 'md', 'Connections': 'Sambungan', 'open': 'terbuka',
  'Waiting': 'Menunggu', 'in queues': 'dalam antrean',
  'The charts begin when the hub does: a point every ten seconds, for an hour.': 'Grafik mulai bersama hub: satu titik tiap sepuluh detik, selama satu jam.',
  'the one below': 'yang di bawah', 'Looked at with': 'Dilihat dengan', 'the event of {time} for {who}': 'peristiwa pukul {time} untuk {who}',
  'the dead letter of {time}': 'surat mati pukul {time}', 'these users': 'pengguna berikut', 'everybody who is connected': 'semua yang tersambung',
  'everybody with a role': 'semua dengan peran', 'Sent': 'Terkirim', 'Users': 'Pengguna', 'Ids, with commas.': 'Id, dengan koma.', 'Role': 'Peran',
  'Goes to 1 person.': 'Untuk 1 orang.', 'Goes to {n} people.': 'Untuk {n} orang.', 'Nobody is named.': 'Tidak ada yang disebut.',
  'It was sent to {n} before that.': 'Sebelum itu terkirim ke {n}.', 'Sent to {n}.': 'Terkirim ke {n}.', 'To': 'Kepada', 'Title': 'Judul', 'Priority': 'Prioritas',
  'Message': 'Pesan', 'wrong': 'salah', 'file': 'berkas', 'by hand': 'dengan tangan', 'changed': 'diubah', 'made here': 'dibuat di sini',
  'Code, title or template': 'Kode, judul, atau templat', 'Search types': 'Cari jenis', 'Type': 'Jenis', 'No type has that in it.': 'Tidak ada jenis yang memuat itu.',
  '{what} is off.': '{what} mati.', '{what} is on.': '{what} nyala.', 'New type': 'Jenis baru', 'The sample is no JSON.': 'Contohnya bukan JSON.',
  'It cannot be rendered yet.': 'Belum dapat ditampilkan.',
  'Somebody else has saved this type meanwhile. Close it and open it again.': 'Orang lain baru saja menyimpan jenis ini. Tutup lalu buka lagi.',
  '{what} is saved, and works from now on.': '{what} disimpan, dan berlaku mulai sekarang.', 'Template': 'Templat',
  '{name} is a field of the event.': '{name} adalah isian peristiwa.', 'for ROLE': 'untuk ROLE', 'for USERS, with commas': 'untuk USERS, dengan koma', 'Link': 'Tautan',
  'Seconds it lives': 'Umur dalam detik', 'It comes by the clock': 'Datang menurut jam', 'minute, hour, day, month, weekday': 'menit, jam, tanggal, bulan, hari',
  'Time zone': 'Zona waktu', 'Counts': 'Menghitung', 'a type, for {count}; nothing is sent at 0': 'sebuah jenis, untuk {count}; bila 0 tidak dikirim', 'Next': 'Berikutnya',
  'Sample of an event': 'Contoh peristiwa', 'Preview': 'Pratinjau', 'Send to me': 'Kirim ke saya', '{what} is as config.toml says.': '{what} kembali menurut config.toml.',
  'Give back to the file': 'Kembalikan ke berkas', 'Delete {what}?': 'Hapus {what}?', '{what} is deleted.': '{what} dihapus.', 'Delete': 'Hapus', 'Text': 'Teks', 'Name': 'Nama',
  'Weight': 'Bobot', 'how many readers get it, compared with the others': 'berapa pembaca mendapatnya, dibanding yang lain', 'Says': 'Bunyi',
  'Texts that are compared': 'Teks yang dibandingkan', 'Add a text': 'Tambah teks', '{n} sent': '{n} terkirim', 'not used any more': 'tidak dipakai lagi',
  'seen': 'terlihat', 'read': 'dibaca', 'followed': 'diikuti', 'pushed, connections: {n}': 'dikirim, sambungan: {n}',
  'over the live limit: summed up with others': 'melebihi batas langsung: dirangkum bersama yang lain',
  'nobody was connected: it waited in the inbox': 'tidak ada yang tersambung: menunggu di kotak masuk', 'how it was shown is not known any more': 'cara tampilnya tidak diketahui lagi',
  'has muted this type, so nothing was stored': 'membisukan jenis ini, jadi tidak disimpan', 'stored': 'disimpan', 'revision {n}': 'revisi {n}', 'deleted since': 'sudah dihapus',
  'shown': 'ditampilkan', 'in quiet hours, without a toast': 'dalam jam tenang, tanpa toast',
  'Stored for {reached}, muted by {muted}.': 'Disimpan untuk {reached}, dibisukan oleh {muted}.',
  'This hub ({hub}) remembers its last {events} events, for {minutes} minutes.': 'Hub ini ({hub}) mengingat {events} peristiwa terakhirnya, selama {minutes} menit.',
  'This hub does not remember events: [explain] is off.': 'Hub ini tidak mengingat peristiwa: [explain] mati.',
};

/** Where the choice of a language is kept. */
const KEPT = 'lonceng console language';

/** The language of the console: the one that was chosen, else the browser's. @type {'en' | 'id'} */
export const language = (localStorage.getItem(KEPT) ?? navigator.language).startsWith('id') ? 'id' : 'en';

/** Chooses a language, for the next time the page is loaded. @param {string} chosen */
export function speak(chosen) {
  localStorage.setItem(KEPT, chosen);
}

/**
 * What the console says, in the reader's language.
 * @param {string} text  In English.
 * @param {Record<string, unknown>} [values]  What stands in braces.
 */
export function t(text, values) {
  const said = (language === 'id' && INDONESIAN[text]) || text;
  return values ? said.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)) : said;
}
