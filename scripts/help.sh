# Sourced first by the commands beside it: --help prints the comment that the command begins with, and does nothing else.
case "${1:-}" in
  -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[1]}"
    exit 0
    ;;
esac

# For a command that has no other option: refuse what looks like one instead of taking it for a folder's name.
refuse_options() {
  case "$1" in
    -*)
      echo "error: $(basename "${BASH_SOURCE[1]}") $1: there is no such option; --help tells what there is" >&2
      exit 2
      ;;
  esac
}
