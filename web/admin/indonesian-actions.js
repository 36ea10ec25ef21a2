/**
 * Texts of the sign-in, of remedies, of dead letters, of recipients and of the audit in Indonesian,
 * by their English text.
 * @type {Record<string, string>}
 */
export const ACTIONS = {
  'API key {name}': 'Kunci API {name}',
  'Signed in for development': 'Masuk untuk pengembangan',
  'Signed in as': 'Masuk sebagai',
  'Use a token with the role admin, or an API key.':
    'Pakai token dengan peran admin, atau kunci API.',
  'Token or API key': 'Token atau kunci API',
  'It is kept until this tab is closed.': 'Disimpan sampai tab ini ditutup.',
  'How to get one': 'Cara mendapatkannya',
  'A token, on the machine of the hub, or with Docker:': 'Token, di mesin hub, atau dengan Docker:',
  'An API key with the scope admin; add the printed line to config.toml:':
    'Kunci API dengan cakupan admin; tambahkan baris yang dicetak ke config.toml:',
  'A token that your site signs works too, if its roles have admin.':
    'Token yang ditandatangani situs Anda juga bisa, jika perannya memuat admin.',
  'Sign in to the console': 'Masuk ke konsol',
  'Sign in again': 'Masuk lagi',
  'Nothing that you wrote is lost: the last action continues after the sign-in.':
    'Tulisan Anda tidak hilang: tindakan terakhir dilanjutkan setelah masuk.',
  'New value': 'Nilai baru',
  'New line in [server]': 'Baris baru di [server]',
  'Pages of these sites may not use the hub. To allow one, give the environment variable {variable} its new value, and restart the hub.':
    'Halaman situs ini tidak boleh memakai hub. Untuk mengizinkannya, beri variabel lingkungan {variable} nilai barunya, lalu mulai ulang hub.',
  'Pages of these sites may not use the hub. To allow one, replace the line allowed_origins in the section [server] of config.toml by its new line. Origins that are allowed now are in it too.':
    'Halaman situs ini tidak boleh memakai hub. Untuk mengizinkannya, ganti baris allowed_origins di bagian [server] config.toml dengan baris barunya. Asal yang kini diizinkan sudah termasuk.',
  'All of them in one line:': 'Semuanya dalam satu baris:',
  'Copy the line for all': 'Salin baris untuk semua',
  'The part {name} is {word}': 'Bagian {name} {word}',
  'user connected': 'pengguna tersambung',
  connection: 'sambungan',
  notification: 'notifikasi',
  event: 'peristiwa',
  'dead letter': 'surat mati',
  'failed delivery': 'pengiriman gagal',
  'failed deliveries': 'pengiriman gagal',
  type: 'jenis',
  'This is not JSON: {why}': 'Ini bukan JSON: {why}',
  'An event with the same identity was processed before.':
    'Peristiwa dengan identitas yang sama sudah diproses.',
  'Discard this dead letter? Its event is not processed. A copy stays in the audit.':
    'Buang surat mati ini? Peristiwanya tidak diproses. Salinannya tetap ada di audit.',
  'The edited event is published, and the dead letter is discarded.':
    'Peristiwa yang diubah sudah dikirim, dan surat matinya dibuang.',
  'Event (JSON)': 'Peristiwa (JSON)',
  'It is published as a new event of yours.': 'Dikirim sebagai peristiwa baru dari Anda.',
  'Publish and discard': 'Kirim dan buang',
  'Edit the event': 'Ubah peristiwa',
  'all users of the directory': 'semua pengguna direktori',
  'Send the message to 1 user?': 'Kirim pesan ke 1 pengguna?',
  'Send the message to {n} users?': 'Kirim pesan ke {n} pengguna?',
  'Not in the directory: {users}. Check the spelling. Sending adds them to the directory.':
    'Tidak ada dalam direktori: {users}. Periksa ejaannya. Pengiriman menambahkannya ke direktori.',
  Low: 'Rendah',
  Medium: 'Sedang',
  High: 'Tinggi',
  'User of the event': 'Pengguna peristiwa',
  Actor: 'Pelaku',
  'Recipients of the event': 'Penerima peristiwa',
  Administrators: 'Administrator',
  'Fixed users': 'Pengguna tetap',
  Everyone: 'Semua orang',
  'Live feed only': 'Umpan langsung saja',
  'SELF: the user whom the event names in user_id.':
    'SELF: pengguna yang disebut peristiwa di user_id.',
  'ACTOR: the user who did it, whom the event names in actor_id.':
    'ACTOR: pelakunya, yang disebut peristiwa di actor_id.',
  'RECIPIENT: the users whom the event names in recipient_id or recipient_ids.':
    'RECIPIENT: pengguna yang disebut peristiwa di recipient_id atau recipient_ids.',
  'ADMIN: all users of the directory with the role admin.':
    'ADMIN: semua pengguna direktori dengan peran admin.',
  'ROLE: all users of the directory with this role.':
    'ROLE: semua pengguna direktori dengan peran ini.',
  'USERS: always these users.': 'USERS: selalu pengguna ini.',
  'ALL: all users of the directory.': 'ALL: semua pengguna direktori.',
  'FEED: nobody gets a notification; pages that watch a live feed see the event.':
    'FEED: tidak ada notifikasi; halaman yang memantau umpan langsung melihat peristiwanya.',
  'Channel tested': 'Saluran diuji',
  'Connection closed': 'Sambungan diputuskan',
  'Configuration reloaded': 'Konfigurasi dimuat ulang',
  'Removal of types confirmed': 'Penghapusan jenis disetujui',
  'Dead letter discarded': 'Surat mati dibuang',
  'Dead letter replayed': 'Surat mati diulangi',
  'Delivery retried': 'Pengiriman dicoba lagi',
  'Users changed': 'Pengguna diubah',
  'Users imported': 'Pengguna diimpor',
  'Event recalled': 'Peristiwa ditarik kembali',
  'Job started': 'Pekerjaan dimulai',
  'Job stopped': 'Pekerjaan dihentikan',
  'Message sent': 'Pesan dikirim',
  'Preferences changed': 'Preferensi diubah',
  'Type changed': 'Jenis diubah',
  'Type created': 'Jenis dibuat',
  'Type deleted': 'Jenis dihapus',
  'Type reverted to the file': 'Jenis dikembalikan ke berkas',
  'Type tested': 'Jenis diuji',
  'User deleted': 'Pengguna dihapus',
  'User disconnected': 'Pengguna diputuskan',
  'User saved': 'Pengguna disimpan',
  'nobody in the directory has the role {role}':
    'tidak ada pengguna dalam direktori dengan peran {role}',
  'the directory has no users': 'direktori tidak memuat pengguna',
  'Data of the event': 'Data peristiwa',
  'How an event was delivered. For everything about one user, see':
    'Bagaimana peristiwa dikirim. Untuk semua tentang satu pengguna, lihat',
  'No user has the ID “{id}”. Did you mean:':
    'Tidak ada pengguna dengan ID “{id}”. Mungkin maksudnya:',
  'Last hour': 'Satu jam terakhir',
  'Subject or action': 'Subjek atau tindakan',
  'No change matches.': 'Tidak ada perubahan yang cocok.',
  Variants: 'Varian',
  'On: its events make notifications': 'Nyala: peristiwanya membuat notifikasi',
  'Code of the language': 'Kode bahasa',
  'such as id or pt-BR': 'misalnya id atau pt-BR',
  'Sent to {user} as {type}. It is in the bell of your site.':
    'Terkirim ke {user} sebagai {type}. Lihat di lonceng situs Anda.',
  'For an A/B test: each recipient gets one of the variants instead of the text.':
    'Untuk uji A/B: tiap penerima mendapat salah satu varian sebagai ganti teks.',
  'CSV with a header: user_id, login, name, email, roles, locale, timezone.':
    'CSV dengan baris judul: user_id, login, name, email, roles, locale, timezone.',
  'Several roles are separated by | or by ; (member|editor).':
    'Beberapa peran dipisahkan | atau ; (member|editor).',
  'This type is off.': 'Jenis ini mati.',
  'Its events make no notification. The box at “Recipients” switches it on.':
    'Peristiwanya tidak membuat notifikasi. Kotak di “Penerima” menyalakannya.',
  'It is as in config.toml, but later changes of the file do not reach it.':
    'Sama dengan config.toml, tetapi perubahan berkas nanti tidak sampai ke sini.',
  'It was changed here, and differs from config.toml. Changes of the file do not reach it.':
    'Diubah di sini, dan berbeda dari config.toml. Perubahan berkas tidak sampai ke sini.',
  '“Reset to config.toml” below uses the file again.':
    '“Kembalikan ke config.toml” di bawah memakai berkas itu lagi.',
  'separated by commas, such as member, editor': 'dipisahkan koma, misalnya member, editor',
  developer: 'pengembang',
  'Send this e-mail': 'Kirim surel ini',
  'Write an e-mail address first.': 'Tulis alamat surel dahulu.',
  'Sent to {to}. Reply: {reply}': 'Terkirim ke {to}. Balasan: {reply}',
  'Muted types': 'Jenis yang dibisukan',
  'Preferences of {who}': 'Preferensi {who}',
  'The preferences of {who} are saved.': 'Preferensi {who} disimpan.',
  'Quiet hours': 'Jam tenang',
  'Both empty: none.': 'Keduanya kosong: tidak ada.',
  'Edit preferences': 'Ubah preferensi',
};
