# Login shells, such as opencode's terminals: /etc/profile has set PATH anew, without the folders of programs that the image has beside the
# system's, and without what people install in the home.
for folder in $(tac /usr/local/lib/opencode-platform/path 2>/dev/null); do
  case ":$PATH:" in *":$folder:"*) ;; *) PATH="$folder:$PATH" ;; esac
done
unset folder
PATH="$HOME/.local/bin:$HOME/go/bin:$HOME/.cargo/bin:$PATH"
export PATH
# A home has no ~/.profile, which Debian's users have their ~/.bashrc read by.
if [ -n "${BASH_VERSION:-}" ] && [ -f ~/.bashrc ] && [ ! -e ~/.bash_profile ] && [ ! -e ~/.bash_login ] && [ ! -e ~/.profile ]; then
  . ~/.bashrc
fi
