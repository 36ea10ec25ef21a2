<#
.SYNOPSIS
Checks whether a hub is ready.
.DESCRIPTION
Prints "ready" and exits with 0, or prints the reason and exits with 1. Run it in the hub's
directory, with lonceng.exe on the PATH.
.PARAMETER Url
URL such as http://127.0.0.1:8080; by default that of the configuration.
.EXAMPLE
.\healthcheck.ps1 http://127.0.0.1:8080
#>
param([string] $Url)

if (-not (Get-Command lonceng -CommandType Application -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine('healthcheck.ps1: lonceng is not on the PATH; install it, or add its ' +
        'folder to PATH')
    exit 2
}
if ($Url) { lonceng health --url $Url } else { lonceng health }
exit $LASTEXITCODE
