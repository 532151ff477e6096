{{- /* What cannot work is refused here, in a sentence, before anything is sent to the cluster. */}}

{{- define "hubkiln.check" -}}
{{- include "hubkiln.checkKeys" (dict "values" .Values "known" (.Files.Get "files/keys.json" | fromJson) "path" "") }}
{{- include "hubkiln.checkSettings" . }}
{{- include "hubkiln.checkNames" . }}
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
{{- if hasKey ($.Values.builds.pods | default dict) $key }}
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
{{- if and (eq .Values.builds.mode "pods") (hasKey (.Values.builds.quota | default dict) "limits.cpu") (not (dig "resources" "limits" "cpu" "" (.Values.builds.pods | default dict))) }}
{{- fail "builds.quota counts limits.cpu, and Kubernetes refuses pods without what a quota counts: say builds.pods.resources.limits.cpu, too." }}
{{- end }}
{{- $made := list "affinity" "automountServiceAccountToken" "containers" "enableServiceLinks" "imagePullSecrets" "initContainers" "nodeSelector" "priorityClassName" "securityContext" "serviceAccountName" "terminationGracePeriodSeconds" "tolerations" "volumes" }}
{{- range $key, $_ := .Values.extraPodSpec }}
{{- if has $key $made }}
{{- fail (printf "extraPodSpec.%s is the chart's to say: extraPodSpec has what no other value says, such as hostAliases, dnsConfig, runtimeClassName or topologySpreadConstraints." $key) }}
{{- end }}
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

{{- /* Names of objects, images and logins that Kubernetes or a registry would take amiss, or for others than are meant. */}}
{{- define "hubkiln.checkNames" -}}
{{- $name := include "hubkiln.name" . }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "%s is no name of a host, which the Service needs: set fullnameOverride to lower-case letters, digits and -." $name) }}
{{- end }}
{{- if regexMatch "[A-Za-z0-9]$" (.Values.images.prefix | default "") }}
{{- fail (printf "images.prefix is %s, and makes %shubkiln: end it with /, or with what else stands before the images' names." .Values.images.prefix .Values.images.prefix) }}
{{- end }}
{{- $references := dict "images.prefix" .Values.images.prefix "images.service" .Values.images.service "images.base" .Values.images.base "registry.push" .Values.registry.push "registry.pullFrom" .Values.registry.pullFrom "registry.internal.image" .Values.registry.internal.image "builds.image" .Values.builds.image }}
{{- range $key, $reference := $references }}
{{- if contains "://" ($reference | default "") }}
{{- fail (printf "%s is %s: write it as images are named, without %s" $key $reference (regexFind "^.*://" $reference)) }}
{{- end }}
{{- if regexMatch "/[^:@{]*[A-Z]" ($reference | default "") }}
{{- fail (printf "%s is %s: registries take lower-case letters alone." $key $reference) }}
{{- end }}
{{- end }}
{{- range $host, $login := .Values.registry.logins }}
{{- range $key, $value := $login }}
{{- if not (kindIs "string" $value) }}
{{- fail (printf "registry.logins.%s.%s is read as a number or another thing than a text: put quotes around it." $host $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A part or a value that null took away, or that an older chart's values do not have. */}}
{{- define "hubkiln.checkParts" -}}
{{- range $key, $known := .known }}
{{- $here := empty $.path | not | ternary (printf "%s.%s" $.path $key) $key }}
{{- $value := index $.values $key }}
{{- if ternary (not (kindIs "map" $value)) (and $known (kindIs "invalid" $value)) (kindIs "map" $known) }}
{{- fail (printf "There is nothing in %s, which the chart needs: null takes it away, so leave it out for what is usual; and upgrade with --reset-then-reuse-values where you would say --reuse-values, which leaves out what is new." $here) }}
{{- end }}
{{- if kindIs "map" $known }}
{{- include "hubkiln.checkParts" (dict "values" $value "known" $known "path" $here) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A key that is not known, at any depth, with the one that is probably meant. */}}
{{- define "hubkiln.checkKeys" -}}
{{- range $key, $value := .values }}
{{- $here := empty $.path | not | ternary (printf "%s.%s" $.path $key) $key }}
{{- if not (hasKey $.known $key) }}
{{- fail (printf "There is no value %s.%s" $here (include "hubkiln.instead" (list $here (include "hubkiln.meant" (list $key (keys $.known) $.path))))) }}
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

{{- /* What another chart's value is called here, or what stands in its place; else what was probably meant. */}}
{{- define "hubkiln.instead" -}}
{{- $here := index . 0 }}
{{- $others := dict "imagePullSecrets" "Did you mean images.pullSecrets?" "image" "Did you mean images.service?" "ingress" "The hub's own proxy leads to the service: it needs no Ingress." "httpRoute" "The hub's own proxy leads to the service: it needs no route." "extraContainers" "One of initContainers with restartPolicy: Always runs beside the service." "podSecurityContext" "Pods are what Pod Security's restricted asks for." "securityContext" "Pods are what Pod Security's restricted asks for." }}
{{- range list "hostAliases" "dnsConfig" "dnsPolicy" "runtimeClassName" "schedulerName" "topologySpreadConstraints" }}{{ $_ := set $others . (printf "Did you mean extraPodSpec.%s?" .) }}{{ end }}
{{- $found := index $others $here }}
{{- if $found }} {{ $found }}{{ else if regexMatch "^x-" $here }} Anchors may stand below custom.{{ else }}{{ index . 1 }}{{ end }}
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
