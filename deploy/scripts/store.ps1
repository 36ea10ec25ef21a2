# Functions shared by backup.ps1 and restore.ps1, which read this file from their own folder and set
# $script:Name to their name. For Windows PowerShell 5.1 and PowerShell 7.

# Prints an error of one line, and exits with code 1 (failure) or 2 (invalid command line or
# configuration).
function Stop-Script([int] $Code, [string] $Message) {
    [Console]::Error.WriteLine("${script:Name}: " + ($Message -replace '\s+', ' ').Trim())
    exit $Code
}

# Requires programs on the PATH.
function Assert-Program([string[]] $Programs) {
    foreach ($program in $Programs) {
        if (-not (Get-Command $program -CommandType Application -ErrorAction SilentlyContinue)) {
            Stop-Script 2 "$program is not on the PATH; install it, or add its folder to PATH"
        }
    }
}

# Runs a program and returns what it prints, on one line. $LASTEXITCODE tells whether it succeeded.
function Invoke-Program([string] $Program, [string[]] $Arguments) {
    $ErrorActionPreference = 'Continue'
    $lines = & $Program @Arguments 2>&1 | ForEach-Object { "$_" }
    return ($lines -join ' ')
}

# Returns the URL of the store, from the same places as the hub: LONCENG_STORE__URL, DATABASE_URL,
# the configuration file (LONCENG_CONFIG, or config.toml), the default.
function Get-StoreUrl {
    $config = if ($env:LONCENG_CONFIG) { $env:LONCENG_CONFIG } else { 'config.toml' }
    if (-not (Test-Path -LiteralPath $config -PathType Leaf)) {
        Stop-Script 2 "$config does not exist; run this in the hub's directory, or set LONCENG_CONFIG"
    }
    if ($env:LONCENG_STORE__URL) { return $env:LONCENG_STORE__URL }
    if ($env:DATABASE_URL) { return $env:DATABASE_URL }
    $section = ''
    foreach ($line in Get-Content -LiteralPath $config -Encoding UTF8) {
        $line = $line.Trim()
        if ($line -cmatch '^\[+\s*([^\]]*?)\s*\]+') { $section = $Matches[1]; continue }
        if ($section -ceq 'store' -and $line -cmatch '^"?url"?\s*=\s*(.+)$') { $value = $Matches[1] }
        elseif ($section -ceq '' -and $line -cmatch '^store\s*\.\s*url\s*=\s*(.+)$') { $value = $Matches[1] }
        else { continue }
        if ($value -cmatch '^"([^"\\]+)"\s*(#.*)?$') { return $Matches[1] }
        if ($value -cmatch "^'([^']+)'\s*(#.*)?$") { return $Matches[1] }
        if ($value -cmatch '^\{\s*env\s*=\s*["'']([^"'']+)["'']\s*\}') {
            $variable = $Matches[1]
            $found = [Environment]::GetEnvironmentVariable($variable)
            if (-not $found) {
                Stop-Script 2 "${config}: store.url: the environment variable $variable is not set"
            }
            return $found
        }
        if ($value -cmatch '^\{\s*file\s*=\s*["'']([^"'']+)["'']\s*\}') {
            $path = $Matches[1]
            if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
                Stop-Script 2 "${config}: store.url: the file $path does not exist"
            }
            $secret = Get-Content -LiteralPath $path -Raw -Encoding UTF8
            return $secret.TrimEnd("`r", "`n")
        }
        Stop-Script 2 ("${config}: store.url is written in a way that this script does not understand; " +
            'set LONCENG_STORE__URL')
    }
    return 'sqlite://data/lonceng.db'
}

# Returns the full path of the file of a SQLite URL.
function Get-SqlitePath([string] $Url) {
    $path = ($Url -replace '^sqlite:', '') -replace '^//', ''
    $path = ($path -split '\?')[0]
    if ($path -eq '' -or $path -eq ':memory:') {
        Stop-Script 2 'the store is in memory; there is nothing to back up or restore'
    }
    if ($path.Contains('%')) {
        Stop-Script 2 'the path of the store contains a %, which this script does not support'
    }
    return $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
}

# Takes the password out of a PostgreSQL URL, because the list of processes shows arguments: returns
# the URL without it, and sets PGPASSWORD for psql, pg_dump and pg_restore.
function Connect-Postgres([string] $Url) {
    $env:PGAPPNAME = $script:Name
    if ($Url -cmatch '^([a-z]+://)([^:/?@]*):([^/?]*)@(.*)$') {
        $env:PGPASSWORD = [uri]::UnescapeDataString($Matches[3])
        return $Matches[1] + $Matches[2] + '@' + $Matches[4]
    }
    return $Url
}

# Returns whether a file is a complete SQLite database: its header, and its size as the header
# states it.
function Test-SqliteFile([string] $Path) {
    $stream = [IO.File]::OpenRead($Path)
    try {
        $head = New-Object byte[] 32
        if ($stream.Read($head, 0, 32) -lt 32) { return $false }
        if ([Text.Encoding]::ASCII.GetString($head, 0, 15) -cne 'SQLite format 3') { return $false }
        # Bytes 16 and 17: size of a page (1 stands for 65,536). Bytes 28 to 31: number of pages.
        [long] $page = 256 * $head[16] + $head[17]
        if ($page -eq 1) { $page = 65536 }
        [long] $pages = 0
        foreach ($byte in $head[28..31]) { $pages = 256 * $pages + $byte }
        return $stream.Length -eq $page * $pages
    }
    finally { $stream.Dispose() }
}
