{{- /* What cannot work is refused here, in a sentence, before anything is sent to the cluster. */}}

{{- define "hubkiln.check" -}}
{{- include "hubkiln.checkKeys" (dict "values" .Values "known" (.Files.Get "files/keys.json" | fromJson) "path" "") }}
{{- include "hubkiln.checkSettings" . }}
{{- if not (or .Values.images.prefix (and .Values.images.service .Values.images.base)) }}
{{- fail "images.prefix says where the images hubkiln and hubkiln-base are: --set images.prefix=quay.io/org/" }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (not (include "hubkiln.hasDatabase" .)) }}
{{- fail (printf "replicas is %v, but replicas share a PostgreSQL: set database.url or database.existingSecret, or leave replicas at 1." .Values.replicas) }}
{{- end }}
{{- include "hubkiln.checkInternal" . }}
{{- if not (include "hubkiln.push" .) }}
{{- fail "registry.push says where built images go, for nodes to pull them from: --set registry.push=quay.io/org/env-{name}, or one repository for all without {name}." }}
{{- end }}
{{- $pulled := include "hubkiln.pullFrom" . | default .Values.registry.push | toString }}
{{- if and (or (regexMatch "^[^/]*\\.svc([.:/]|$)" $pulled) (regexMatch "^[a-z0-9-]+:[0-9]+/" $pulled)) (not (regexMatch "^localhost:" $pulled)) }}
{{- fail (printf "Nodes would pull from %s, and cannot: that name is known to pods alone. Give the registry an Ingress with a certificate and name that one; or a NodePort, with registry.pullFrom: localhost:PORT/… for nodes and registry.push as pods see it." (splitList "/" $pulled | first)) }}
{{- end }}
{{- if and .Values.registry.existingSecret .Values.registry.logins }}
{{- fail "registry.existingSecret and registry.logins say the same in two ways: keep one." }}
{{- end }}
{{- if not (has .Values.builds.mode (list "service" "pods")) }}
{{- fail (printf "builds.mode is %v: write service, where no command of a repository runs, or pods, where each is a pod." .Values.builds.mode) }}
{{- end }}
{{- range $key := list "containers" "initContainers" "restartPolicy" "activeDeadlineSeconds" "serviceAccountName" }}
{{- if hasKey $.Values.builds.pods $key }}
{{- fail (printf "builds.pods.%s is the service's to say: leave it out." $key) }}
{{- end }}
{{- end }}
{{- if and .Values.builds.quota (eq (include "hubkiln.buildNamespace" .) .Release.Namespace) }}
{{- fail "builds.quota would count the hub and every user's server too, and refuse pods without limits: give the steps a namespace of their own with builds.namespace." }}
{{- end }}
{{- if and .Values.database.url .Values.database.existingSecret }}
{{- fail "database.url and database.existingSecret say the same in two ways: keep one." }}
{{- end }}
{{- if regexMatch "^[a-z0-9+]+://[^/@]*:[^/@]*@" (.Values.database.url | toString) }}
{{- fail "database.url has a password, which everybody could read in the Deployment: put the address into a Secret and name it with database.existingSecret." }}
{{- end }}
{{- if and (include "hubkiln.hasDatabase" .) (not (regexMatch "^postgresql" (.Values.database.url | default "postgresql"))) }}
{{- fail "database.url is not PostgreSQL's: write postgresql://user@host/name." }}
{{- end }}
{{- if and (not .Values.token.create) (ne (include "hubkiln.hubNamespace" .) .Release.Namespace) (eq .Values.token.existingSecret "hub") }}
{{- fail (printf "The hub is in the namespace %s, and no pod of another one can read its Secret: set token.create, and give that Secret to the hub; or name one of %s that has the same token with token.existingSecret." (include "hubkiln.hubNamespace" .) .Release.Namespace) }}
{{- end }}
{{- end }}

{{- /* The registry of this chart: refused where nobody said how nodes could pull from it. */}}
{{- define "hubkiln.checkInternal" -}}
{{- $own := .Values.registry.internal }}
{{- if $own.enabled }}
{{- if not (has $own.nodeTrust (list "localhost")) }}
{{- fail (printf "registry.internal.nodeTrust is %q, so no node could pull what is pushed to the registry: nodes do not know its name and trust no registry without a certificate. Set it to localhost where kube-proxy (iptables) lets each node reach a NodePort at its own localhost, and nodes run containerd; not where the cluster has IPv6 alone, kube-proxy's nftables mode, or CRI-O. There, name a registry with a certificate by registry.push." (toString $own.nodeTrust)) }}
{{- end }}
{{- if or (lt (int $own.nodePort) 30000) (gt (int $own.nodePort) 32767) }}
{{- fail (printf "registry.internal.nodePort is %v: Kubernetes gives ports from 30000 to 32767." $own.nodePort) }}
{{- end }}
{{- if and $own.htpasswd (not $own.password) }}
{{- fail "registry.internal.htpasswd is of a password that nobody else knows: say registry.internal.password, too." }}
{{- end }}
{{- if and $own.htpasswd (not (regexMatch "^hubkiln:[$]2[aby][$]" $own.htpasswd)) }}
{{- fail "registry.internal.htpasswd is not what `htpasswd -nbB hubkiln PASSWORD` prints, hubkiln:$2y$…: the registry takes no other." }}
{{- end }}
{{- range $key := list "push" "pullFrom" "existingSecret" }}
{{- if index $.Values.registry $key }}
{{- fail (printf "registry.%s is said by registry.internal, which is enabled: leave it out." $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A key that is not known, at any depth, with the one that is probably meant. */}}
{{- define "hubkiln.checkKeys" -}}
{{- range $key, $value := .values }}
{{- $here := empty $.path | not | ternary (printf "%s.%s" $.path $key) $key }}
{{- if not (hasKey $.known $key) }}
{{- fail (printf "There is no value %s.%s" $here (include "hubkiln.meant" (list $key (keys $.known) $.path))) }}
{{- end }}
{{- $below := index $.known $key }}
{{- if and (kindIs "map" $below) (kindIs "map" $value) }}
{{- include "hubkiln.checkKeys" (dict "values" $value "known" $below "path" $here) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hubkiln.checkSettings" -}}
{{- $about := .Files.Get "files/settings.json" | fromJson }}
{{- range $key, $value := .Values.config }}
{{- if hasKey $about.elsewhere $key }}
{{- fail (printf "config.%s is said by %s in this chart." $key (index $about.elsewhere $key)) }}
{{- end }}
{{- if has $key $about.files }}
{{- fail (printf "config.%s holds a file's path: say which Secret has the file, configFiles.%s: {secret: NAME, key: KEY}." $key $key) }}
{{- end }}
{{- if not (has $key $about.settings) }}
{{- fail (printf "There is no setting config.%s.%s" $key (include "hubkiln.meant" (list $key $about.settings "config"))) }}
{{- end }}
{{- end }}
{{- range $key, $from := .Values.configFiles }}
{{- if not (has $key $about.files) }}
{{- fail (printf "There is no setting configFiles.%s that holds a file's path.%s" $key (include "hubkiln.meant" (list $key $about.files "configFiles"))) }}
{{- end }}
{{- if not (and $from.key (or $from.secret $from.configMap)) }}
{{- fail (printf "configFiles.%s is written {secret: NAME, key: KEY}, or with configMap." $key) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* " Did you mean x?" for a key, candidates and their path: the one that shares most pairs of letters with it. */}}
{{- define "hubkiln.meant" -}}
{{- $path := index . 2 }}
{{- $pairs := include "hubkiln.pairs" (index . 0) | fromJsonArray }}
{{- $best := "" }}
{{- $most := 0.45 }}
{{- range $candidate := index . 1 | sortAlpha }}
{{- $theirs := include "hubkiln.pairs" $candidate | fromJsonArray }}
{{- $same := 0 }}
{{- range $pairs }}{{ if has . $theirs }}{{ $same = add1 $same }}{{ end }}{{ end }}
{{- $like := divf (mulf 2 $same) (add (len $pairs) (len $theirs) 1) }}
{{- if gt $like $most }}{{ $best = $candidate }}{{ $most = $like }}{{ end }}
{{- end }}
{{- if $best }} Did you mean {{ empty $path | not | ternary (printf "%s.%s" $path $best) $best }}?{{ end }}
{{- end }}

{{- define "hubkiln.pairs" -}}
{{- $word := regexReplaceAll "[^a-z0-9]" (. | lower) "" }}
{{- $found := list }}
{{- range $at := until (sub (len $word) 1 | int) }}
{{- $found = append $found (substr $at (add $at 2 | int) $word) }}
{{- end }}
{{- $found | uniq | toJson }}
{{- end }}
