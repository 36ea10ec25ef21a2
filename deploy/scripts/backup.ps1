<#
.SYNOPSIS
Backs up the store into a new file, while the hubs run.
.DESCRIPTION
Run it in the hub's directory, with lonceng.exe on the PATH, and for PostgreSQL with pg_dump.exe and
pg_restore.exe too. The store is that of LONCENG_STORE__URL, DATABASE_URL or the configuration file.
A SQLite store becomes a SQLite file, a PostgreSQL store an archive of pg_dump (--format=custom).
The file appears only when it is complete.

Exit codes: 0 success, 1 failure, 2 invalid command line or configuration.
.EXAMPLE
.\backup.ps1 D:\backups\lonceng.backup
#>
param([string] $File)

$ErrorActionPreference = 'Stop'
$script:Name = 'backup.ps1'
. (Join-Path $PSScriptRoot 'store.ps1')

if (-not $File -or $File.StartsWith('-')) { Stop-Script 2 'usage: backup.ps1 FILE' }
Assert-Program lonceng
$url = Get-StoreUrl
$target = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($File)
if (Test-Path -LiteralPath $target) { Stop-Script 1 "$File exists already; name a new file" }
if (-not (Test-Path -LiteralPath (Split-Path $target) -PathType Container)) {
    Stop-Script 1 "the folder of $File does not exist; create it"
}
$partial = "$target.partial-$PID"
try {
    if ($url -cmatch '^sqlite:') {
        $store = Get-SqlitePath $url
        if (-not (Test-Path -LiteralPath $store)) {
            Stop-Script 1 "there is no store at $store; run this in the hub's directory"
        }
        $output = Invoke-Program lonceng @('backup', $partial)
        if ($LASTEXITCODE -ne 0) { Stop-Script 1 ($output -replace '^lonceng: ', '') }
        if (-not (Test-SqliteFile $partial)) { Stop-Script 1 'the copy is incomplete; look for a full disk' }
    }
    elseif ($url -cmatch '^postgres(ql)?:') {
        Assert-Program @('pg_dump', 'pg_restore')
        $connection = Connect-Postgres $url
        $output = Invoke-Program pg_dump @('--format=custom', "--file=$partial", $connection)
        if ($LASTEXITCODE -ne 0) { Stop-Script 1 $output }
        $output = Invoke-Program pg_restore @('--list', $partial)
        if ($LASTEXITCODE -ne 0) { Stop-Script 1 $output }
    }
    else { Stop-Script 2 'store.url must start with sqlite:// or postgres://' }
    Move-Item -LiteralPath $partial -Destination $target
}
finally { Remove-Item -LiteralPath $partial -ErrorAction SilentlyContinue }
Write-Output "the store was copied to $File ($((Get-Item -LiteralPath $target).Length) bytes)"
exit 0
