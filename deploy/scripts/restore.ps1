<#
.SYNOPSIS
Restores a backup of backup.ps1 into an empty store, with all hubs stopped.
.DESCRIPTION
The store gets a new epoch, so that clients start over. Run it in the hub's directory, with
lonceng.exe on the PATH, and for PostgreSQL with psql.exe and pg_restore.exe too. The store is that
of LONCENG_STORE__URL, DATABASE_URL or the configuration file.

Exit codes: 0 success, 1 failure, 2 invalid command line or configuration.
.PARAMETER Force
Replaces a SQLite store that is not empty; the previous one is kept beside it. A PostgreSQL database
must be empty: create another one, or use restore.sh --force in WSL.
.EXAMPLE
.\restore.ps1 D:\backups\lonceng.backup
#>
param([string] $File, [switch] $Force)

$ErrorActionPreference = 'Stop'
$script:Name = 'restore.ps1'
. (Join-Path $PSScriptRoot 'store.ps1')

if (-not $File -or $File.StartsWith('-')) { Stop-Script 2 'usage: restore.ps1 FILE [-Force]' }
Assert-Program lonceng
$url = Get-StoreUrl
if (-not (Test-Path -LiteralPath $File -PathType Leaf)) { Stop-Script 1 "$File does not exist" }
$source = (Resolve-Path -LiteralPath $File).ProviderPath

# Runs a command of lonceng on a store, and returns what it prints.
function Invoke-OnStore([string] $Store, [string[]] $Arguments, [string] $Failure) {
    $before = $env:LONCENG_STORE__URL
    $env:LONCENG_STORE__URL = $Store
    try { $output = Invoke-Program lonceng $Arguments }
    finally { $env:LONCENG_STORE__URL = $before }
    if ($LASTEXITCODE -ne 0) { Stop-Script 1 "${Failure}: $output" }
    return $output
}

if ($url -cmatch '^sqlite:') {
    $path = Get-SqlitePath $url
    if (-not (Test-SqliteFile $source)) { Stop-Script 1 "$File is not a complete backup of a SQLite store" }
    New-Item -ItemType Directory -Force -Path (Split-Path $path) | Out-Null
    # The lock of the hub: while this script holds it, no hub starts on the store.
    $lock = [IO.File]::Open("$path.lock", 'OpenOrCreate', 'ReadWrite', 'ReadWrite')
    try { $lock.Lock(0, 1) }
    catch { Stop-Script 1 "a hub is running on $path; stop it first" }
    if (-not $Force) {
        foreach ($part in $path, "$path-wal") {
            if ((Test-Path -LiteralPath $part) -and (Get-Item -LiteralPath $part).Length -gt 0) {
                Stop-Script 1 "the store $path is not empty; move it away, or pass -Force to replace it"
            }
        }
    }
    $new = "$path.restoring"
    $leftovers = $new, "$new-wal", "$new-shm"
    try {
        Remove-Item -LiteralPath $leftovers -ErrorAction SilentlyContinue
        Copy-Item -LiteralPath $source -Destination $new
        $address = 'sqlite://' + $new.Replace('\', '/')
        $migrated = Invoke-OnStore $address @('migrate', '--new-epoch') 'the schema cannot be migrated'
        $verified = Invoke-OnStore $address @('verify') "$File is inconsistent"
        if ((Test-Path -LiteralPath "$new-wal") -and (Get-Item -LiteralPath "$new-wal").Length -gt 0) {
            Stop-Script 1 "$new is in use; end the programs that read it"
        }
        $kept = "$path.before-restore-" + (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ')
        if (Test-Path -LiteralPath $path) {
            Move-Item -LiteralPath $path -Destination $kept
            Write-Output "the previous store was moved to $kept"
        }
        if (Test-Path -LiteralPath "$path-wal") {
            Move-Item -LiteralPath "$path-wal" -Destination "$kept-wal"
        }
        Remove-Item -LiteralPath "$path-shm" -ErrorAction SilentlyContinue
        Move-Item -LiteralPath $new -Destination $path
    }
    finally {
        Remove-Item -LiteralPath $leftovers -ErrorAction SilentlyContinue
        $lock.Dispose()
    }
}
elseif ($url -cmatch '^postgres(ql)?:') {
    Assert-Program @('psql', 'pg_restore')
    $connection = Connect-Postgres $url
    $output = Invoke-Program pg_restore @('--list', $source)
    if ($LASTEXITCODE -ne 0) { Stop-Script 1 "$File is not a backup of pg_dump: $output" }
    $query = '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', "--dbname=$connection", '-c'
    $hubs = Invoke-Program psql ($query + ("SELECT count(*) FROM pg_stat_activity WHERE " +
        "datname = current_database() AND application_name = 'lonceng'"))
    if ($LASTEXITCODE -ne 0) { Stop-Script 1 $hubs }
    if ($hubs -ne '0') { Stop-Script 1 "hubs are running: $hubs connections; stop all hubs first" }
    $tables = Invoke-Program psql ($query + ("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') " +
        "AND relnamespace = current_schema()::regnamespace"))
    if ($tables -ne '0') {
        Stop-Script 1 "the database is not empty: $tables tables; create another one"
    }
    $output = Invoke-Program pg_restore @('--no-owner', '--single-transaction', '--exit-on-error',
        "--dbname=$connection", $source)
    if ($LASTEXITCODE -ne 0) { Stop-Script 1 "nothing was changed: $output" }
    $output = Invoke-Program psql ($query + 'ANALYZE')
    if ($LASTEXITCODE -ne 0) { Stop-Script 1 $output }
    $migrated = Invoke-OnStore $url @('migrate', '--new-epoch') 'the schema cannot be migrated'
    $verified = Invoke-OnStore $url @('verify') 'the restored store is inconsistent'
}
else { Stop-Script 2 'store.url must start with sqlite:// or postgres://' }

Write-Output "the store was restored from $File; its new epoch is $(($migrated -split ' ')[-1])"
Write-Output $verified
Write-Output 'next: start the hubs; clients read their inboxes again. Events after the backup are not in it'
exit 0
