/**
 * Sentences of the hub in Indonesian, by their English text.
 * @type {Record<string, string>}
 */
export const HUB = {
  'no type {type}': 'tidak ada jenis {type}',
  "the type's row is invalid, so the type is off": 'baris jenis itu tidak sah, jadi jenis itu mati',
  'the type is inactive': 'jenis itu tidak aktif',
  'the type has the target FEED, and no open live feed shows it':
    'jenis itu bertujuan FEED, dan tidak ada umpan langsung yang terbuka untuknya',
  "no user matches the type's target": 'tidak ada pengguna yang cocok dengan tujuan jenis itu',
  'all recipients muted the type': 'semua penerima membisukan jenis itu',
  'did you mean {suggestion}?': 'mungkin maksudnya {suggestion}?',
  'not JSON': 'bukan JSON',
  'too large': 'terlalu besar',
  'a field is missing': 'ada isian yang tidak diisi',
  'a field is invalid': 'ada isian yang tidak sah',
  'refused by strict publishing': 'ditolak oleh pengiriman ketat',
  'the template failed': 'templat gagal',
  'given up after several attempts': 'dihentikan setelah beberapa percobaan',
  'the notification was deleted': 'notifikasi sudah dihapus',
  'the notification was seen in time': 'notifikasi sudah dilihat tepat waktu',
  'the notification was read in time': 'notifikasi sudah dibaca tepat waktu',
  'quiet hours': 'jam tenang',
  'the person has no e-mail address': 'pengguna tidak punya alamat surel',
  'the e-mail address is not verified': 'alamat surel belum diverifikasi',
  'no browser of the person receives Web Push':
    'tidak ada peramban pengguna yang menerima Web Push',
  'the person has muted the type': 'pengguna membisukan jenis itu',
  'the person has muted the type on {channel}': 'pengguna membisukan jenis itu pada {channel}',
  'the person has switched {channel} off': 'pengguna mematikan {channel}',
  'the notification does not exist any more': 'notifikasi sudah tidak ada',
  'the notification was read during the quiet hours': 'notifikasi dibaca pada jam tenang',
  'the notification was read before the digest': 'notifikasi dibaca sebelum ringkasan',
  'the notification was dealt with before the push':
    'notifikasi sudah ditangani sebelum push dikirim',
  'the event was recalled': 'peristiwa ditarik kembali',
  'the other side is not reached': 'pihak lain tidak dapat dihubungi',
  'no answer within {seconds} s': 'tidak ada jawaban dalam {seconds} detik',
  'no answer in time': 'tidak ada jawaban tepat waktu',
  'not reached: {cause}': 'tidak dapat dihubungi: {cause}',
  'not reached': 'tidak dapat dihubungi',
  'is missing': 'tidak diisi',
  'must not be empty': 'tidak boleh kosong',
  'has {length} characters; at most {max} are possible':
    'memuat {length} karakter; paling banyak {max}',
  'must be from {min} to {max}': 'harus dari {min} sampai {max}',
  'must be at least {min}': 'paling sedikit {min}',
  'must be one of {values}': 'harus salah satu dari {values}',
  'must be a string without NUL': 'harus berupa teks tanpa NUL',
  'must be a list of strings': 'harus berupa daftar teks',
  'must be true or false': 'harus true atau false',
  'must be a string': 'harus berupa teks',
  'must be a list of user ids': 'harus berupa daftar ID pengguna',
  'the type {type} has the target {target}, which needs {field}':
    'jenis {type} bertujuan {target}, yang memerlukan {field}',
  'the template needs {field}, which the event does not have':
    'templat memerlukan {field}, yang tidak ada dalam peristiwa',
  'the template failed: {cause}': 'templat gagal: {cause}',
  'the payload is not JSON: {error}': 'isinya bukan JSON: {error}',
  'the event names no type; add "type"': 'peristiwa tidak menyebut jenis; tambahkan "type"',
  'an event must be a JSON object': 'peristiwa harus berupa objek JSON',
  'the batch has no event': 'kumpulan itu tidak memuat peristiwa',
  'a batch has at most {max} events, this one has {count}':
    'satu kumpulan paling banyak {max} peristiwa, yang ini {count}',
  'the event has {bytes} bytes, at most {max} are allowed':
    'peristiwa berukuran {bytes} byte, paling banyak {max}',
  'given up after {attempts} failed attempts: {cause}':
    'dihentikan setelah {attempts} percobaan gagal: {cause}',
  'is not an ID': 'bukan ID',
  'must not have a NUL': 'tidak boleh memuat NUL',
  'a user id must not be empty': 'ID pengguna tidak boleh kosong',
  'a user id has at most {max} characters': 'ID pengguna paling banyak {max} karakter',
  'a user id must not contain control characters':
    'ID pengguna tidak boleh memuat karakter kendali',
  'a user id must be a string or a whole number': 'ID pengguna harus teks atau bilangan bulat',
  'is not the one in the address': 'tidak sama dengan yang di alamat',
  'must have at most {max} roles of 1 to {length} characters without control characters':
    'paling banyak {max} peran, masing-masing 1 sampai {length} karakter tanpa karakter kendali',
  '{address} is no e-mail address': '{address} bukan alamat surel',
  '{tag} is no language tag, such as id or pt-BR':
    '{tag} bukan kode bahasa, misalnya id atau pt-BR',
  '{zone} is no IANA time zone, such as "Asia/Jakarta"':
    '{zone} bukan zona waktu IANA, misalnya "Asia/Jakarta"',
  'is not known; {known} are': 'tidak dikenal; yang dikenal: {known}',
  'is not a JSON object: {error}': 'bukan objek JSON: {error}',
  'has more than {max} fields': 'memuat lebih dari {max} isian',
  'the first line must name the fields, and user_id among them':
    'baris pertama harus menyebut nama isian, termasuk user_id',
  'must name from 1 to {max} people': 'harus menyebut 1 sampai {max} orang',
  'is missing: an e-mail address, or the ID of a user for push':
    'tidak diisi: alamat surel, atau ID pengguna untuk push',
  'must have at most {max} characters, on one line':
    'paling banyak {max} karakter, dalam satu baris',
  'has white space, which the types of events do not have; write {code}':
    'mengandung spasi, yang tidak ada pada jenis peristiwa; tulis {code}',
  'must have 1 to {max} characters, such as "ORDER_SHIPPED"':
    'harus 1 sampai {max} karakter, misalnya "ORDER_SHIPPED"',
  'must be email, push or webhook:NAME of a configured webhook':
    'harus email, push, atau webhook:NAMA dari webhook yang diatur',
  'sign in: send a token as "Authorization: Bearer"':
    'masuklah: kirim token sebagai "Authorization: Bearer"',
  'the token is not accepted: it has expired': 'token tidak diterima: sudah kedaluwarsa',
  'the token is not accepted: it is not valid': 'token tidak diterima: tidak sah',
  'the token is not accepted: {why}': 'token tidak diterima: {why}',
  'the API key is not known': 'kunci API tidak dikenal',
  'the session is over; sign in again': 'sesi sudah berakhir; masuklah lagi',
  'identities cannot be checked now; try again':
    'identitas belum dapat diperiksa sekarang; coba lagi',
  'administering needs the role admin, or a key with the scope admin':
    'mengelola memerlukan peran admin, atau kunci dengan cakupan admin',
  'requests from this origin are not allowed; add it to server.allowed_origins':
    'permintaan dari asal ini tidak diizinkan; tambahkan ke server.allowed_origins',
  'the store is unavailable; try again': 'penyimpanan tidak tersedia; coba lagi',
  'the hub has too much to do; try again': 'hub terlalu sibuk; coba lagi',
  'the store rejected the request; see the log': 'penyimpanan menolak permintaan; lihat log',
  'no connection has this client_id': 'tidak ada sambungan dengan client_id ini',
  'the directory does not have this user': 'pengguna ini tidak ada dalam direktori',
  'there is no such delivery': 'pengiriman itu tidak ada',
  'there is no such dead letter': 'surat mati itu tidak ada',
  'there is no such job': 'pekerjaan itu tidak ada',
  'a job {kind} is running already; wait for it, or stop it':
    'pekerjaan {kind} sudah berjalan; tunggulah, atau hentikan',
  'the delivery is {state}; one that failed, was cancelled or skipped can be retried':
    'keadaan pengiriman {state}; yang gagal, dibatalkan, atau dilewati dapat diulangi',
  'the channel {channel} is not configured': 'saluran {channel} tidak diatur',
  'there is a type {code} already': 'jenis {code} sudah ada',
  'the file is empty': 'berkas kosong',
  'the file is not UTF-8; save it as "CSV UTF-8"':
    'berkas bukan UTF-8; simpanlah sebagai "CSV UTF-8"',
  'the file has no users; nothing is removed':
    'berkas tidak memuat pengguna; tidak ada yang dihapus',
  'lines with errors: {count}; correct them first, because their users would be removed':
    'baris dengan kesalahan: {count}; perbaiki dahulu, karena penggunanya akan dihapus',
  'the import would remove {count} users, and {confirmed} were confirmed; check it again':
    'impor akan menghapus {count} pengguna, sedangkan {confirmed} yang disetujui; periksa lagi',
  'this hub takes no tokens; add "jwt" to auth.methods':
    'hub ini tidak menerima token; tambahkan "jwt" ke auth.methods',
  'it is neither a JSON Web Token nor a known API key':
    'bukan JSON Web Token dan bukan kunci API yang dikenal',
  'the hub has no key for its algorithm (alg) and key ID (kid)':
    'hub tidak punya kunci untuk algoritme (alg) dan ID kuncinya (kid)',
  "its signature does not match: it was signed with another secret or key than the hub's":
    'tanda tangannya tidak cocok: ditandatangani dengan rahasia atau kunci lain',
  'it expired at {time}': 'kedaluwarsa pada {time}',
  'it is not valid before {time}': 'belum berlaku sebelum {time}',
  "its issuer (iss) is not the hub's auth.jwt_issuer":
    'penerbitnya (iss) bukan auth.jwt_issuer hub ini',
  "its audience (aud) is not the hub's auth.jwt_audience":
    'audiensnya (aud) bukan auth.jwt_audience hub ini',
  'its key cannot be fetched now; try again': 'kuncinya belum dapat diambil sekarang; coba lagi',
  'its claim {name} is missing or cannot be used':
    'klaim {name} tidak ada atau tidak dapat dipakai',
  'its header demands an extension (crit) that is not known here':
    'header-nya menuntut ekstensi (crit) yang tidak dikenal di sini',
};
