"""The table of programs that are known to only read, and the options each may be given.

An option that is not listed makes somebody be asked; the traps say why for the best-known ones.
How options are spelled here is told in options.py. Programs with a language of their own (find,
sed, jq, git …) are in other files.
"""

from __future__ import annotations

from codex_py.core.commands.options import Program

WRITES = "it writes a file"
RUNS = "it runs another program"
NAMES = "it takes names of files from a file"
ENDLESS = "it may never end"

GREP = Program(
    "-EFGPiIvwxycLlqsonHhTUZzrab -e= -f< -m= -A= -B= -C= -d= -D= -# --extended-regexp"
    " --fixed-strings --basic-regexp --perl-regexp --regexp= --file< --ignore-case"
    " --no-ignore-case --invert-match --word-regexp --line-regexp --count --color? --colour?"
    " --files-without-match --files-with-matches --max-count= --only-matching --quiet --silent"
    " --no-messages --byte-offset --with-filename --no-filename --label= --line-number"
    " --initial-tab --null --after-context= --before-context= --context= --text"
    " --binary-files= --exclude= --exclude-dir= --include= --recursive --line-buffered"
    " --null-data --help --version -V",
    "pattern",
    traps={"-R": "it follows links out of the folder"},
)
RG = Program(
    "-FPiIsSvwxclnNHhopqU0auV. -e= -f< -m= -A= -B= -C= -g= -t= -r= -M= -d= -j= -E= -T="
    " --fixed-strings --pcre2 --ignore-case --case-sensitive --smart-case --invert-match"
    " --word-regexp --line-regexp --count --count-matches --files --files-with-matches"
    " --files-without-match --line-number --no-line-number --with-filename --no-filename"
    " --only-matching --passthru --pretty --quiet --multiline --multiline-dotall --null --text"
    " --unrestricted --hidden --no-hidden --no-ignore --no-ignore-vcs --no-ignore-parent"
    " --no-config --regexp= --file< --max-count= --after-context= --before-context= --context="
    " --glob= --iglob= --type= --type-not= --type-list --replace= --max-columns= --max-depth="
    " --maxdepth= --threads= --encoding= --sort= --sortr= --color= --colors= --heading"
    " --no-heading --column --json --stats --trim --vimgrep --no-messages --max-filesize="
    " --glob-case-insensitive --byte-offset --max-columns-preview --crlf --debug --help --version"
    " --engine= --field-match-separator= --field-context-separator= --path-separator="
    " --block-buffered"
    " --line-buffered --no-mmap --one-file-system --stop-on-nonmatch --include-zero --no-unicode",
    "pattern",
    traps={
        "--pre": RUNS,
        "--pre-glob": RUNS,
        "--hostname-bin": RUNS,
        "--search-zip": RUNS,
        "-z": RUNS,
        "-L": "it follows links out of the folder",
        "--follow": "it follows links out of the folder",
    },
)
LS = (
    "-aAbBcCdfFgGhHiIklLmnNopqQrRsStuUvxXZ1D -I= -T= -w= --all --almost-all --author --escape"
    " --block-size= --ignore-backups --color? --directory --dired --classify? --file-type"
    " --format= --full-time --group-directories-first --no-group --human-readable --si"
    " --dereference-command-line --hide= --hyperlink? --indicator-style= --inode --ignore="
    " --kibibytes --dereference --numeric-uid-gid --literal --hide-control-chars"
    " --show-control-chars --quote-name --quoting-style= --reverse --recursive --size --sort="
    " --time= --time-style= --tabsize= --width= --context --zero --help --version -@"
)
SUMS = Program("-btcwz --binary --tag --text --zero --quiet --status --help --version -a=")

KNOWN: dict[str, Program] = {
    "grep": GREP,
    "egrep": GREP,
    "fgrep": GREP,
    "rg": RG,
    "ls": Program(LS, wild=True),
    "dir": Program(LS, wild=True),
    "cat": Program(
        "-AbeEnstTuv --show-all --number-nonblank --show-ends --number --squeeze-blank"
        " --show-tabs --show-nonprinting --help --version",
        wild=True,
    ),
    "tac": Program("-br -s= --before --regex --separator= --help --version", wild=True),
    "head": Program(
        "-qvz -n= -c= -# --lines= --bytes= --quiet --silent --verbose --zero-terminated --help"
        " --version",
        wild=True,
    ),
    "tail": Program(
        "-qvzr -n= -c= -# --lines= --bytes= --quiet --silent --verbose --zero-terminated --help"
        " --version",
        traps={"-f": ENDLESS, "-F": ENDLESS, "--follow": ENDLESS, "--retry": ENDLESS},
    ),
    "wc": Program(
        "-clLmw --bytes --chars --lines --max-line-length --words --total= --help --version",
        traps={"--files0-from": NAMES},
    ),
    "cut": Program(
        "-nsz -b= -c= -d= -f= --bytes= --characters= --delimiter= --fields= --complement"
        " --only-delimited --output-delimiter= --zero-terminated --help --version",
        wild=True,
    ),
    "tr": Program("-cCdst --complement --delete --squeeze-repeats --truncate-set1", "texts"),
    "rev": Program("-0hV --zero --help --version", wild=True),
    "nl": Program(
        "-p -b= -d= -f= -h= -i= -l= -n= -s= -v= -w= --body-numbering= --number-format="
        " --number-width= --number-separator= --help --version",
        wild=True,
    ),
    "paste": Program(
        "-sz -d= --delimiters= --serial --zero-terminated --help --version", wild=True
    ),
    "fold": Program("-bs -w= -# --bytes --spaces --width= --help --version", wild=True),
    "fmt": Program("-cstu -w= -# --split-only --uniform-spacing --width=", wild=True),
    "column": Program(
        "-txeLJdmh -s= -o= -c= -N= -R= -H= -n= --table --separator= --output-separator="
        " --output-width= --table-columns= --table-right= --json",
        wild=True,
    ),
    "comm": Program(
        "-123z --check-order --nocheck-order --output-delimiter= --total --zero-terminated",
        wild=True,
    ),
    "join": Program("-iz -a= -e= -1= -2= -j= -o= -t= -v= --header --check-order --nocheck-order"),
    "expand": Program("-i -t= -# --initial --tabs=", wild=True),
    "unexpand": Program("-a -t= --all --first-only --tabs=", wild=True),
    "numfmt": Program(
        "-z -d= --from= --to= --suffix= --format= --field= --delimiter= --header --padding=",
        "texts",
    ),
    "sort": Program(
        "-bdfghiMnRrVcCmsuz -k= -t= -S= --ignore-leading-blanks --dictionary-order --ignore-case"
        " --general-numeric-sort --human-numeric-sort --month-sort --numeric-sort --random-sort"
        " --reverse --sort= --version-sort --check? --merge --key= --stable --field-separator="
        " --unique --zero-terminated --buffer-size= --parallel= --help --version",
        traps={
            "-o": WRITES,
            "--output": WRITES,
            "-T": "it writes its temporary files elsewhere",
            "--compress-program": RUNS,
            "--files0-from": NAMES,
        },
    ),
    "uniq": Program(
        "-cdDiuz -f= -s= -w= --count --repeated --all-repeated? --skip-fields= --group?"
        " --ignore-case --skip-chars= --unique --zero-terminated --check-chars=",
        at_most=1,
        traps={"": "a second file given to uniq is written"},
    ),
    "tree": Program(
        "-adfixpsDugFrtcUNqQhvnCAS -L= -P= -I= --noreport --dirsfirst --filesfirst --du --prune"
        " --gitignore --ignore-case --matchdirs --si --inodes --device --charset= --filelimit="
        " --sort= --timefmt= -J -X --metafirst --version --help",
        traps={"-o": WRITES, "-R": WRITES, "--output": WRITES, "-l": "it follows links"},
    ),
    "du": Program(
        "-abcDhHklmsSx0P -d= -t= -B= -# --all --apparent-size --bytes --total --max-depth="
        " --human-readable --si --summarize --threshold= --time? --exclude= --one-file-system"
        " --separate-dirs --null --block-size= --help --version",
        traps={"--files0-from": NAMES, "-X": NAMES, "--exclude-from": NAMES},
    ),
    "df": Program(
        "-ahHiklmPT -t= -x= -B= --all --human-readable --si --inodes --local --portability"
        " --print-type --total --type= --exclude-type= --output? --block-size= --help --version"
    ),
    "file": Program(
        "-bhikLNr0 -F= -e= -P= --brief --mime --mime-type --mime-encoding --dereference"
        " --keep-going"
        " --no-dereference --no-pad --raw --separator= --print0 --extension --version --help",
        traps={
            "-C": WRITES,
            "--compile": WRITES,
            "-f": NAMES,
            "--files-from": NAMES,
            "-z": RUNS,
            "--uncompress": RUNS,
        },
    ),
    "stat": Program(
        "-Lftx -c= --format= --printf= --dereference --file-system --terse --cached= --help"
        " --version"
    ),
    "diff": Program(
        "-abBcdeEiHnNpqrstTuwyZ -x= -C= -U= -W= -I= -# --unified? --context? --brief"
        " --report-identical-files --normal --side-by-side --width= --left-column"
        " --suppress-common-lines --show-c-function --show-function-line= --label= --expand-tabs"
        " --initial-tab --tabsize= --recursive --no-dereference --new-file"
        " --unidirectional-new-file"
        " --ignore-file-name-case --exclude= --ignore-case --ignore-tab-expansion"
        " --ignore-trailing-space --ignore-space-change --ignore-all-space --ignore-blank-lines"
        " --ignore-matching-lines= --text --strip-trailing-cr --minimal --horizon-lines= --color?"
        " --palette= --to-file< --from-file< --help --version -L=",
        traps={"-l": RUNS, "--paginate": RUNS, "-X": NAMES, "--exclude-from": NAMES},
    ),
    "cmp": Program("-blsz -i= -n= --print-bytes --verbose --silent --quiet --bytes= --skip="),
    "md5sum": SUMS,
    "sha1sum": SUMS,
    "sha224sum": SUMS,
    "sha256sum": SUMS,
    "sha384sum": SUMS,
    "sha512sum": SUMS,
    "b2sum": SUMS,
    "shasum": Program("-bt -a= --binary --text --algorithm="),
    "cksum": Program("-a= --algorithm= --untagged --help --version"),
    "base64": Program(
        "-di -w= --decode --ignore-garbage --wrap= --help --version",
        at_most=1,
        traps={"-o": WRITES, "--output": WRITES, "-D": "it may write a file"},
    ),
    "xxd": Program(
        "-abeEiupC -ps! -c= -g= -l= -s= -n= -o= -len= -cols= -seek=",
        at_most=1,
        traps={"": "a second file given to xxd is written", "-r": WRITES},
    ),
    "od": Program(
        "-abcdfiloxsv -A= -j= -N= -S= -t= -w? --address-radix= --skip-bytes= --read-bytes="
        " --strings? --format= --output-duplicates --width? --help --version"
    ),
    "hexdump": Program("-bcCdovx -e= -n= -s= --canonical --length= --skip="),
    "strings": Program(
        "-afow -n= -t= -e= -# --all --print-file-name --bytes= --radix= --encoding="
    ),
    "basename": Program("-az -s= --multiple --suffix= --zero", "texts"),
    "dirname": Program("-z --zero", "texts"),
    "realpath": Program(
        "-eLmPqsz --canonicalize-existing --canonicalize-missing --logical --physical --quiet"
        " --strip --no-symlinks --zero --relative-to< --relative-base<"
    ),
    "readlink": Program(
        "-efmnqsvz --canonicalize --canonicalize-existing --canonicalize-missing --no-newline"
    ),
    "seq": Program("-w -f= -s= --equal-width --format= --separator=", "texts", free=True),
    "expr": Program("", "texts", free=True),
    "id": Program("-agGnruzZ --group --groups --name --real --user --zero", "texts"),
    "groups": Program("", "texts"),
    "whoami": Program("", "none"),
    "uname": Program("-asnrvmpio --all --machine --kernel-name --kernel-release", "none"),
    "nproc": Program("--all --ignore=", "none"),
    "arch": Program("", "none"),
    "uptime": Program("-ps", "none"),
    "free": Program("-bkmghtwlv --human --total --wide --mega --giga", "none"),
    "sleep": Program("", "texts", note="only waits"),
    "which": Program("-as --all", "texts"),
    "hostname": Program(
        "-fsiIdA --fqdn --short --ip-address --all-ip-addresses --domain",
        "none",
        traps={
            "": "a name given to hostname sets it",
            "-F": "it sets the name",
            "-b": "it sets the name",
        },
    ),
    "echo": Program("-neE", "texts", free=True, note="only prints"),
    "pwd": Program("-LP", "none"),
    "true": Program("", "texts", free=True, note="does nothing"),
    "false": Program("", "texts", free=True, note="does nothing"),
    "readelf": Program("-aAdehlnrsSuVW --all --headers --symbols --dynamic --wide"),
    "nm": Program("-aAgCDnopruS --defined-only --undefined-only --demangle --dynamic"),
    "objdump": Program("-dDhpstTxrRfC --disassemble --headers --syms"),
}
V = "--version -V"
VERSIONED: dict[str, str] = {
    "python": V,
    "python3": V,
    "python2": V,
    "pip": V,
    "pip3": V,
    "uv": V,
    "ruff": V,
    "mypy": V,
    "node": "--version -v",
    "npm": "--version -v",
    "deno": V,
    "bun": "--version -v",
    "ruby": "--version -v",
    "go": "version",
    "cargo": V,
    "rustc": V,
    "rustup": V,
    "gcc": "--version",
    "g++": "--version",
    "clang": "--version",
    "cc": "--version",
    "make": "--version -v",
    "cmake": "--version",
    "java": "--version -version",
    "javac": "--version -version",
    "php": "--version -v",
    "perl": "--version -v",
    "bash": "--version",
    "docker": "--version -v",
    "jq": "--version -V",
    "gh": "--version",
    "tsc": "--version -v",
    "sqlite3": "--version -version",
    "sed": "--version",
    "awk": "--version",
    "find": "--version",
    "xargs": "--version",
    "tar": "--version",
    "curl": V,
    "wget": V,
}
"""Programs that may be asked for their version, and the words for it."""
